//! `tandem split`, `tandem inspect --cuts`.

use tandem_testkit::models::vision;

use crate::support::{Folder, Server, digits, digits_folder, pictures, run};

/// A key of these tests alone.
pub(crate) const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
";
pub(crate) const PUBLIC_KEY: &str = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";

fn path(path: &std::path::Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_split_model_is_signed_measured_and_served() {
    let folder = Folder::new();
    let (key, out) = (folder.file("key.pem", KEY), folder.path("repository"));
    let (model, labels) = (path(&digits()), path(&digits_folder().join("labels.csv")));
    let samples: Vec<String> = pictures().iter().take(4).map(|(picture, _)| path(picture)).collect();
    let mut args = vec!["split", "--json", &model, "--out", &out, "--sign", &key, "--labels", &labels];
    args.extend(["--pixels", "image", "--runs", "1", "--max-tails", "2", "--samples"]);
    args.extend(samples.iter().map(String::as_str));
    let document = run(&args).document();
    assert_eq!(document["public_key"], PUBLIC_KEY);
    let manifest = &document["manifest"];
    assert_eq!(manifest["model"]["name"], "digits");
    let cuts = manifest["cuts"].as_array().unwrap();
    assert!(cuts.len() >= 2, "{manifest}");
    for cut in cuts {
        for form in cut["forms"].as_array().unwrap() {
            let accuracy = &form["error"]["accuracy"];
            assert_eq!(accuracy["samples"], pictures().len());
            let lost = accuracy["whole"].as_f64().unwrap() - accuracy["split"].as_f64().unwrap();
            assert!(lost.abs() <= 0.1, "{form}");
        }
    }
    let pixels = &cuts[0]["forms"][1];
    assert_eq!((&pixels["name"], &pixels["request_bytes"]), (&"u8".into(), &64.into()));
    let largest = pixels["error"]["max_abs"].as_f64().unwrap();
    assert!(largest < 1e-5, "pixels are bytes already: {largest}");

    let file = std::fs::read(document["path"].as_str().unwrap()).unwrap();
    let key = PUBLIC_KEY.parse().unwrap();
    tandem::split::Manifest::parse(&file, Some(&key)).unwrap();
    let server = Server::start(&folder, &[], &[]);
    let picture = &samples[0];
    let check = run(["offload", &model, picture, "--endpoint", &server.url, "--check", "--json"]).document();
    assert_eq!(check["decision"]["placement"]["kind"], "in_cloud");

    let again = run(&args).document();
    assert_eq!(again["manifest"]["cuts"][0]["id"], cuts[0]["id"]);
}

#[test]
fn the_table_shows_every_form() {
    let folder = Folder::new();
    let model = folder.model("net", &vision::branchy(&vision::VisionConfig::small()).unwrap());
    let out = folder.path("repository");
    let run = run(["split", &model, "--out", &out, "--runs", "1", "--python-backend"]).ok();
    for text in ["on device", "net-tail-", "f16", "u8", "net.tandem.json"] {
        assert!(run.out.contains(text), "{text:?} in {}", run.out);
    }
    assert!(std::path::Path::new(&out).join("net/1/model.py").is_file());
}

#[test]
fn cuts_are_shown_and_drawn() {
    let folder = Folder::new();
    let model = path(&digits());
    let plot = folder.path("cuts.svg");
    let table = run(["inspect", &model, "--cuts", "--plot", &plot]).ok();
    assert!(
        table.out.contains("on device") && table.out.lines().any(|line| line.starts_with('*')),
        "{}",
        table.out
    );
    let svg = std::fs::read_to_string(&plot).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("stroke-dasharray"), "{svg}");
    let document = run(["inspect", &model, "--cuts", "--json"]).document();
    let cuts = document["cuts"].as_array().unwrap();
    assert!(cuts.iter().any(|cut| cut["chosen"] == true), "{document}");
    assert_eq!(cuts[0]["boundary"]["crossing"][0]["name"], "image");

    let id = cuts.last().unwrap()["id"].as_str().unwrap();
    let out = folder.path("repository");
    let split = run(["split", &model, "--out", &out, "--cut", id, "--forms", "f32", "--json"]).document();
    assert_eq!(split["manifest"]["cuts"][1]["id"], id);
    assert_eq!(split["manifest"]["cuts"][1]["forms"].as_array().unwrap().len(), 1);
}

#[test]
fn what_cannot_be_done_is_said_by_name() {
    let folder = Folder::new();
    let (model, out) = (path(&digits()), folder.path("repository"));
    let split = |more: &[&str]| run([["split", &model, "--out", &out].as_slice(), more].concat());
    split(&["--cut", "0000"]).fails(15, "invalid_argument", "there is no cut \"0000\"");
    split(&["--name", "a b"]).fails(15, "invalid_argument", "\"a b\" cannot be a model's name");
    split(&["--keep", "secret"]).fails(15, "invalid_argument", "no value \"secret\"");
    split(&["--sign", "/nowhere"]).fails(15, "invalid_argument", "--sign");
    split(&["--pixels", "sound"]).fails(2, "usage", "--pixels sound");
    assert!(!std::path::Path::new(&out).exists());
    folder.file("repository/digits/config.pbtxt", "name: \"digits\"");
    split(&["--runs", "0"]).fails(15, "invalid_argument", "was not written by `tandem split`");
}
