//! What `tandem predict` answers, and how it shows it.

use std::io::Read as _;
use std::process::Stdio;

use serde_json::{Value, json};
use tandem_core::DType;
use tandem_onnx::dims;
use tandem_testkit::models::{arithmetic, dtypes};

use crate::support::{Folder, digits, digits_folder, finish, pictures, run, tandem};

#[test]
fn every_picture_is_read_as_the_digit_that_it_shows() {
    let folder = digits_folder().join("pictures");
    let run = run(["predict", "--json", digits().to_str().unwrap(), folder.to_str().unwrap()]).ok();
    let documents = run.documents();
    let pictures = pictures();
    assert_eq!(documents.len(), pictures.len());
    let right = documents.iter().zip(&pictures).filter(|(document, (path, digit))| {
        assert_eq!(document["file"].as_str(), path.to_str());
        document["outputs"][0]["top"][0]["class"] == json!(digit)
    });
    // The model reads 97 of 100 held-out pictures right.
    assert!(right.count() * 20 >= pictures.len() * 19);
}

#[test]
fn what_a_cache_keeps_answers_the_same() {
    let folder = Folder::new();
    let cache = folder.path("cache");
    let (picture, digit) = &pictures()[0];
    let (model, picture) = (digits(), picture.to_str().unwrap());
    let plain = ["predict", "--json", model.to_str().unwrap(), picture];
    let expected = run(plain).document();
    for _ in 0..2 {
        let kept = run(plain.into_iter().chain(["--cache", cache.as_str()])).document();
        assert_eq!(kept["outputs"], expected["outputs"]);
        assert_eq!(kept["outputs"][0]["top"][0]["name"], digit.to_string());
        let plans = std::fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path());
        assert_eq!(plans.filter(|path| path.extension().is_some_and(|own| own == "plan")).count(), 1);
    }
}

#[test]
fn the_json_of_a_run_has_the_documented_fields() {
    let (picture, digit) = &pictures()[0];
    let document =
        run(["predict", "--json", digits().to_str().unwrap(), picture.to_str().unwrap(), "--top", "2"])
            .document();
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&document), ["decision", "file", "model", "outputs", "timing"]);
    assert_eq!(document["model"], "digits");
    assert_eq!(
        document["decision"],
        json!({
            "placement": { "kind": "on_device" },
            "reason": "mode_requires",
            "candidates": [{ "placement": { "kind": "on_device" }, "allowed": true, "reason": "mode_requires" }],
            "fallback_cause": null,
        })
    );
    assert_eq!(fields(&document["timing"]), ["device_ns", "remote", "total_ns"]);
    assert!(document["timing"]["device_ns"].as_u64() <= document["timing"]["total_ns"].as_u64());
    assert_eq!(document["timing"]["remote"], Value::Null);
    let output = &document["outputs"][0];
    assert_eq!(fields(output), ["data", "dtype", "name", "shape", "top"]);
    assert_eq!(
        (&output["name"], &output["dtype"], &output["shape"]),
        (&json!("probabilities"), &json!("f32"), &json!([1, 10]))
    );
    assert_eq!(output["data"].as_array().unwrap().len(), 10);
    let top = output["top"].as_array().unwrap();
    assert_eq!(top.len(), 2);
    assert_eq!(fields(&top[0]), ["class", "name", "score"]);
    assert_eq!(top[0]["name"], digit.to_string());
}

#[test]
fn the_table_shows_class_place_and_time() {
    let (picture, digit) = &pictures()[0];
    let run = run(["predict", digits().to_str().unwrap(), picture.to_str().unwrap()]).ok();
    for text in ["ran on device", "mode_requires", "probabilities f32 [1, 10]", "probability", "\ntime "] {
        assert!(run.out.contains(text), "{text:?} in {}", run.out);
    }
    let heading = run.out.lines().position(|line| line.contains("probability")).unwrap();
    let best: Vec<_> = run.out.lines().nth(heading + 1).unwrap().split_whitespace().collect();
    assert_eq!(best[..2], [digit.to_string(), digit.to_string()]);
}

#[test]
fn several_runs_are_a_line_each_and_a_summary() {
    let pictures = pictures();
    let files: Vec<_> = pictures[..3].iter().map(|(path, _)| path.to_str().unwrap()).collect();
    let run = run([["predict", digits().to_str().unwrap()].as_slice(), &files].concat()).ok();
    let lines: Vec<_> = run.out.lines().collect();
    assert_eq!(lines.len(), 4, "{}", run.out);
    assert!(
        files.iter().zip(&lines).all(|(file, line)| line.starts_with(file) && line.contains("on device"))
    );
    assert!(lines[3].starts_with("3 runs: 3 on device; median "), "{}", run.out);
}

#[test]
fn chosen_outputs_come_in_the_order_asked_for() {
    let folder = Folder::new();
    let model = folder.model("add", &arithmetic::add().unwrap());
    let input = folder.file("in.json", r#"{"a": [[1, 2, 3]], "b": [[10, 20, 30]]}"#);
    let document =
        run(["predict", "--json", &model, &input, "--output", "product", "--output", "sum"]).document();
    let outputs: Vec<_> = document["outputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|output| (&output["name"], &output["data"]))
        .collect();
    assert_eq!(
        outputs,
        [(&json!("product"), &json!([10.0, 40.0, 90.0])), (&json!("sum"), &json!([11.0, 22.0, 33.0]))]
    );
}

#[test]
fn written_arrays_and_printed_json_can_be_read_back_without_loss() {
    let folder = Folder::new();
    let cases = [
        (DType::F32, "[0.1, -0.0, 3.4028235e38, 1e-45, \"NaN\", \"-Infinity\"]"),
        (DType::F64, "[0.1, 5e-324, 1.7976931348623157e308, \"Infinity\"]"),
        (DType::F16, "[0.0999755859375, 65504, 6e-8]"),
        (DType::I64, "[9223372036854775807, -9223372036854775808]"),
        (DType::U64, "[18446744073709551615]"),
        (DType::I8, "[-128, 127]"),
        (DType::Bool, "[true, false]"),
        (DType::String, r#"["", "déjà vu", "a\nb"]"#),
    ];
    for (dtype, text) in cases {
        let model = folder.model(dtype.name(), &dtypes::identity(dtype, &dims!["n"]).unwrap());
        let input = folder.file(&format!("{dtype}.json"), text);
        let out = folder.path(&format!("{dtype}-out"));
        let first = run(["predict", "--json", &model, &input, "--out", &out]).document();
        assert_eq!(first["written"], json!([format!("{out}/y.npy")]), "{dtype}");
        let array = run(["predict", "--json", &model, &format!("{out}/y.npy")]).document();
        assert_eq!(array["outputs"], first["outputs"], "{dtype}");
        let printed = folder.file("printed.json", first["outputs"][0].to_string());
        let again = run(["predict", "--json", &model, &printed]).document();
        assert_eq!(again["outputs"], first["outputs"], "{dtype}");
    }
    // What was printed is what was given: every digit of the widest integers.
    let model = folder.path("u64.onnx");
    let run = run(["predict", "--json", &model, &folder.path("u64.json")]).ok();
    assert!(run.out.contains("[18446744073709551615]"), "{}", run.out);
}

#[test]
fn outputs_of_several_runs_are_written_apart() {
    let folder = Folder::new();
    let pictures = pictures();
    let files: Vec<_> = pictures[..2].iter().map(|(path, _)| path.to_str().unwrap()).collect();
    let out = folder.path("out");
    run([["predict", digits().to_str().unwrap(), "--out", &out].as_slice(), &files].concat()).ok();
    for (path, _) in &pictures[..2] {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert!(std::fs::metadata(format!("{out}/{stem}/probabilities.npy")).is_ok(), "{stem}");
    }
}

#[test]
fn class_names_can_be_given() {
    let folder = Folder::new();
    let names = folder.file("names.txt", "null\neins\nzwei\ndrei\nvier\nfünf\nsechs\nsieben\nacht\nneun\n");
    let (picture, digit) = &pictures()[5];
    assert_eq!(*digit, 1);
    let run =
        run(["predict", digits().to_str().unwrap(), picture.to_str().unwrap(), "--class-names", &names]).ok();
    assert!(run.out.contains("eins"), "{}", run.out);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = tandem().args(["inspect", digits().to_str().unwrap()]).spawn().unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let run = finish(tandem().args(["inspect", digits().to_str().unwrap()]).stdout(Stdio::from(full)));
    run.fails(1, "output_failed", "cannot write standard output");
}

#[test]
fn logging_goes_to_standard_error() {
    let (picture, _) = &pictures()[0];
    let run = run(["predict", "-vvv", "--json", digits().to_str().unwrap(), picture.to_str().unwrap()]);
    assert_eq!(run.code, Some(0));
    assert_eq!(run.documents().len(), 1);
}
