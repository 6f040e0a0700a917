//! `tandem eval`.

use serde_json::{Value, json};

use crate::support::{Folder, Server, digits, digits_folder, pictures, run};

fn labels() -> String {
    digits_folder().join("labels.csv").to_str().unwrap().to_owned()
}

#[test]
fn the_bundled_set_is_read_as_well_as_was_measured_in_training() {
    let document = run(["eval", "--json", digits().to_str().unwrap(), "--labels", &labels()]).document();
    let fields: Vec<_> = document.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        fields,
        [
            "accuracy",
            "classes",
            "confusion",
            "correct",
            "macro",
            "median_ns",
            "micro",
            "model",
            "places",
            "samples"
        ]
    );
    let count = pictures().len();
    assert_eq!(document["samples"], json!(count));
    assert!(document["accuracy"].as_f64().unwrap() >= 0.95, "{document}");
    assert_eq!(document["places"], json!({ "on device": count }));
    assert_eq!(document["classes"].as_array().unwrap().len(), 10);
    let class: Vec<_> = document["classes"][3].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(class, ["class", "f1", "name", "precision", "recall", "support"]);
    let total: u64 = document["confusion"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(total, u64::try_from(count).unwrap());
}

#[test]
fn wrong_labels_are_counted_where_they_belong() {
    let folder = Folder::new();
    let pictures = pictures();
    let of = |digit: usize| pictures.iter().find(|(_, shown)| *shown == digit).unwrap().0.to_str().unwrap();
    // Two threes, one of them called a five; one five; the model tells what they are.
    let set = folder.file("set.csv", format!("{},3\n\"{}\",5\n{},5\n", of(3), of(3), of(5)));
    let document = run(["eval", "--json", digits().to_str().unwrap(), "--labels", &set]).document();
    assert_eq!((&document["correct"], &document["samples"]), (&json!(2), &json!(3)));
    assert_eq!(document["confusion"], json!([[1, 0], [1, 1]]));
    let [three, five] = document["classes"].as_array().unwrap().as_slice() else { panic!("{document}") };
    assert_eq!((&three["precision"], &three["recall"]), (&json!(0.5), &json!(1.0)));
    assert_eq!(
        (&five["precision"], &five["recall"], &five["support"]),
        (&json!(1.0), &json!(0.5), &json!(2))
    );

    let table = run(["eval", digits().to_str().unwrap(), "--labels", &set]).ok();
    for text in ["accuracy 0.6667 (2 of 3)", "precision", "recall", "F1", "mean of classes", "confusion"] {
        assert!(table.out.contains(text), "{text:?} in {}", table.out);
    }
}

#[test]
fn the_cloud_is_as_good_as_the_device() {
    let folder = Folder::new();
    let server = Server::digits(&folder, &[]);
    let model = digits();
    let eval = |args: &[&str]| {
        let base = ["eval", "--json", model.to_str().unwrap(), "--labels", &labels()];
        run([base.as_slice(), args].concat()).document()
    };
    let strip = |mut document: Value| {
        let fields = document.as_object_mut().unwrap();
        fields.remove("median_ns");
        (fields.remove("places").unwrap(), document)
    };
    let (here, device) = strip(eval(&[]));
    let endpoint = format!("cloud={}", server.url);
    let (there, cloud) = strip(eval(&["--endpoint", &endpoint, "--mode", "only-in-cloud"]));
    assert_eq!(device, cloud);
    assert_eq!(here["on device"], there["in cloud (cloud)"]);
}

#[test]
fn sets_that_make_no_sense_are_named() {
    let folder = Folder::new();
    let picture = &pictures()[0].0;
    let picture = picture.to_str().unwrap();
    for (text, expected) in [
        (format!("{picture},ten\n"), "line 1: label \"ten\" is none of the model's 10 classes"),
        (format!("{picture},10\n"), "line 1: label \"10\" is none of the model's 10 classes"),
        ("file,label\nmissing.png,1\n".to_owned(), "missing.png"),
        ("file,label\n".to_owned(), "has no labelled file"),
        ("just one column\n".to_owned(), "line 1: expected file,label, got 1 fields"),
    ] {
        let set = folder.file("set.csv", text);
        run(["eval", digits().to_str().unwrap(), "--labels", &set]).fails(14, "invalid_input", expected);
    }
    run(["eval", digits().to_str().unwrap(), "--labels", "/nowhere"]).fails(
        14,
        "invalid_input",
        "cannot read /nowhere",
    );
}
