//! `tandem serve`, and `offload` and `run` against it.

use std::fs;

use serde_json::{Value, json};
use tandem_core::DType;
use tandem_onnx::dims;
use tandem_testkit::faults::{Act, Authority, FaultServer, Validity, answer, refused_url};
use tandem_testkit::models::{arithmetic, dtypes};

use crate::support::{Folder, Server, digits, digits_folder, finish, pictures, run, tandem};

#[test]
fn device_and_cloud_agree_on_every_picture() {
    let folder = Folder::new();
    let server = Server::digits(&folder, &[]);
    let pictures_folder = digits_folder().join("pictures");
    let (model, inputs) = (digits(), pictures_folder.to_str().unwrap());
    for wire in ["binary", "json", "auto"] {
        let args = ["offload", "--json", model.to_str().unwrap(), inputs, "--endpoint", &server.url];
        let run = run([args.as_slice(), &["--check", "--wire", wire]].concat()).ok();
        let documents = run.documents();
        assert_eq!(documents.len(), pictures().len());
        for document in documents {
            assert_eq!(document["decision"]["placement"]["kind"], "in_cloud");
            for difference in document["differences"].as_array().unwrap() {
                assert!(difference["scaled"].as_f64().unwrap() <= 1e-5, "{wire}: {difference}");
            }
        }
    }
}

#[test]
fn every_element_type_travels_and_comes_back_the_same() {
    let folder = Folder::new();
    let values = |dtype| match dtype {
        DType::Bool => "[[true, false]]",
        DType::String => r#"[["", "déjà vu"]]"#,
        DType::I8 | DType::I16 | DType::I32 | DType::I64 => "[[-7, 100]]",
        DType::F16 | DType::F32 | DType::F64 => "[[-0.5, 2.25]]",
        _ => "[[7, 100]]",
    };
    let models: Vec<(&str, Vec<u8>)> = DType::ALL
        .iter()
        .map(|dtype| {
            let model = dtypes::identity(*dtype, &dims!["n", 2]).unwrap();
            (dtype.name(), model.encode_bytes().to_vec())
        })
        .collect();
    let server = Server::start(&folder, &models, &[]);
    for dtype in DType::ALL {
        let model = folder.path(&format!("repository/{dtype}/1/model.onnx"));
        let input = folder.file("input.json", values(dtype));
        let args =
            ["offload", "--json", &model, &input, "--endpoint", &server.url, "--check", "--tolerance", "0"];
        let document = run([args.as_slice(), &["--model-name", dtype.name()]].concat()).document();
        assert_eq!(document["outputs"][0]["dtype"], dtype.name());
        assert_eq!(document["differences"][0]["differing"], 0, "{dtype}");
    }
}

#[test]
fn an_offloaded_run_shows_its_phases() {
    let folder = Folder::new();
    let server = Server::digits(&folder, &[]);
    let (picture, _) = &pictures()[0];
    let (model, picture) = (digits(), picture.to_str().unwrap());
    let endpoint = format!("cloud={}", server.url);
    let args = ["offload", model.to_str().unwrap(), picture, "--endpoint", &endpoint];
    let document = run([args.as_slice(), &["--json"]].concat()).document();
    assert_eq!(document["decision"]["placement"], json!({ "kind": "in_cloud", "endpoint": "cloud" }));
    let remote = document["timing"]["remote"].as_object().unwrap();
    let fields: Vec<_> = remote.keys().map(String::as_str).collect();
    assert_eq!(
        fields,
        [
            "answer_bytes",
            "connect_ns",
            "decode_ns",
            "download_ns",
            "encode_ns",
            "request_bytes",
            "server_ns",
            "upload_ns",
            "wait_ns"
        ]
    );
    assert!(remote["request_bytes"].as_u64().unwrap() > 256);
    assert!(remote["server_ns"].is_u64());
    let phases = ["connect_ns", "upload_ns", "wait_ns", "download_ns"];
    let sum: u64 = phases.iter().map(|phase| remote[*phase].as_u64().unwrap()).sum();
    assert!(sum <= document["timing"]["total_ns"].as_u64().unwrap());

    let table = run(args).ok();
    for text in ["ran in cloud (cloud)", "connect", "upload", "wait", "the server computed for", "download"] {
        assert!(table.out.contains(text), "{text:?} in {}", table.out);
    }
}

#[test]
fn run_goes_where_mode_and_label_say() {
    let folder = Folder::new();
    let server = Server::digits(&folder, &[]);
    let (picture, _) = &pictures()[0];
    let (model, picture) = (digits(), picture.to_str().unwrap());
    let placed = |args: &[&str]| {
        let base = ["run", "--json", model.to_str().unwrap(), picture, "--endpoint", &server.url];
        let document = run([base.as_slice(), args].concat()).document();
        (document["decision"]["placement"]["kind"].clone(), document["decision"]["reason"].clone())
    };
    let (device, cloud) = (json!("on_device"), json!("in_cloud"));
    assert_eq!(placed(&[]), (device.clone(), json!("default")));
    assert_eq!(placed(&["--mode", "prefer-in-cloud"]), (cloud.clone(), json!("mode_prefers")));
    assert_eq!(placed(&["--mode", "only-in-cloud"]), (cloud, json!("mode_requires")));
    assert_eq!(placed(&["--mode", "only-on-device"]), (device.clone(), json!("mode_requires")));
    assert_eq!(placed(&["--mode", "prefer-in-cloud", "--sensitivity", "private"]).0, device);
    // Over plain HTTP nothing internal travels, trusted or not.
    assert_eq!(placed(&["--mode", "prefer-in-cloud", "--sensitivity", "internal"]).0, device);
}

#[test]
fn without_a_network_a_run_stays_here_or_fails_as_asked() {
    let (picture, digit) = &pictures()[0];
    let (model, picture, nobody) = (digits(), picture.to_str().unwrap(), refused_url());
    let args = ["run", model.to_str().unwrap(), picture, "--endpoint", &nobody, "--mode", "prefer-in-cloud"];
    let document = run([args.as_slice(), &["--json"]].concat()).document();
    assert_eq!(document["decision"]["placement"]["kind"], "on_device");
    assert_eq!(document["decision"]["reason"], "fallback");
    assert!(document["decision"]["fallback_cause"].as_str().unwrap().contains("cannot be reached"));
    assert_eq!(document["outputs"][0]["top"][0]["class"], json!(digit));
    run([args.as_slice(), &["--offline", "fail"]].concat()).fails(19, "offline", "cannot be reached");
}

#[test]
fn a_different_model_under_the_same_name_is_noticed() {
    let folder = Folder::new();
    let theirs = arithmetic::classifier(2).unwrap().encode_bytes().to_vec();
    let server = Server::start(&folder, &[("classifier", theirs)], &[]);
    let model = folder.model("classifier", &arithmetic::classifier(1).unwrap());
    let input = folder.file("x.json", "[[1, 2, 3, 4, 5, 6, 7, 8]]");
    let run = run(["offload", &model, &input, "--endpoint", &server.url, "--check"]);
    run.fails(3, "disagreement", "the tolerance is 1e-5");
    assert!(run.out.contains("device and endpoint differ by at most"), "{}", run.out);
}

#[test]
fn a_token_is_asked_for_and_given_by_file_or_variable() {
    let folder = Folder::new();
    let token = folder.file("token", "open sesame\n");
    let server = Server::digits(&folder, &["--token-file", &token]);
    let (picture, _) = &pictures()[0];
    let (model, picture) = (digits(), picture.to_str().unwrap());
    let args = ["offload", "--json", model.to_str().unwrap(), picture, "--endpoint", &server.url];
    run(args).code_is_json_error(21, "remote_failed", "credentials");
    run([args.as_slice(), &["--token-file", &token]].concat()).document();
    finish(tandem().args(args).env("TANDEM_TOKEN", "open sesame")).document();
    finish(tandem().args(args).env("TANDEM_TOKEN", "wrong")).code_is_json_error(
        21,
        "remote_failed",
        "credentials",
    );
}

impl crate::support::Run {
    #[track_caller]
    fn code_is_json_error(&self, code: i32, class: &str, text: &str) {
        assert_eq!(self.code, Some(code), "{}", self.err);
        let document: Value = serde_json::from_str(self.err.trim()).unwrap();
        assert_eq!(
            (&document["error"]["code"], &document["error"]["exit_code"]),
            (&json!(class), &json!(code))
        );
        assert!(document["error"]["message"].as_str().unwrap().contains(text), "{}", self.err);
    }
}

#[test]
fn internal_data_travel_to_a_trusted_endpoint_over_tls() {
    let folder = Folder::new();
    let authority = Authority::new();
    let identity = authority.issue("127.0.0.1", Validity::Current);
    let certificate = folder.file("server.pem", &identity.certificate);
    let key = folder.file("server.key", &identity.key);
    let anchors = folder.file("anchors.pem", authority.pem());
    let server = Server::digits(&folder, &["--tls-cert", &certificate, "--tls-key", &key]);
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
    let (picture, digit) = &pictures()[0];
    let (model, picture) = (digits(), picture.to_str().unwrap());
    let offload = |endpoint: &str, anchors: &[&str]| {
        let args = ["offload", model.to_str().unwrap(), picture, "--sensitivity", "internal"];
        run([args.as_slice(), &["--json", "--endpoint", endpoint], anchors].concat())
    };
    let trusted = format!("{},trusted", server.url);
    let document = offload(&trusted, &["--trust-anchors", &anchors]).document();
    assert_eq!(document["outputs"][0]["top"][0]["class"], json!(digit));
    offload(&trusted, &[]).code_is_json_error(21, "remote_failed", "TLS");
    offload(&server.url, &["--trust-anchors", &anchors]).code_is_json_error(
        20,
        "policy_denied",
        "is not one",
    );
}

#[test]
fn a_server_says_what_it_serves_and_stops_when_told() {
    let folder = Folder::new();
    let port_file = folder.path("port");
    let models =
        [("add", arithmetic::add().unwrap().encode_bytes().to_vec()), ("broken", b"no model".to_vec())];
    let server = Server::start(&folder, &models, &["--port-file", &port_file]);
    // It is there as soon as a request is answered: the request comes after the line that was read.
    let input = folder.file("in.json", r#"{"a": [[1, 2, 3]], "b": [[1, 1, 1]]}"#);
    let model = folder.model("add", &arithmetic::add().unwrap());
    run(["offload", &model, &input, "--endpoint", &server.url, "--check"]).ok();
    let port = fs::read_to_string(&port_file).unwrap();
    assert!(server.url.ends_with(&format!(":{}", port.trim())), "{} {port}", server.url);
    let (code, said) = server.stop();
    assert_eq!(code, Some(0));
    let line = |name: &str| {
        said.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{said}")).to_owned()
    };
    assert!(line("add").contains("ready"), "{said}");
    assert!(line("broken").contains("not served: "), "{said}");
    assert!(said.contains("stopping"), "{said}");
    assert!(!fs::exists(&port_file).unwrap());
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let folder = Folder::new();
    let repository = folder.path("repository");
    fs::create_dir(&repository).unwrap();
    run(["serve", "/nowhere"]).fails(15, "invalid_argument", "/nowhere");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    run(["serve", &repository, "--port", &port]).fails(
        15,
        "invalid_argument",
        &format!("cannot listen on 127.0.0.1:{port}"),
    );
    let empty = folder.file("token", "\n");
    run(["serve", &repository, "--token-file", &empty]).fails(15, "invalid_argument", "it is empty");
}

#[test]
fn faults_of_an_endpoint_have_their_classes() {
    let (picture, _) = &pictures()[0];
    let (model, picture) = (digits(), picture.to_str().unwrap());
    let offload = |server: &FaultServer, args: &[&str]| {
        let base =
            ["offload", model.to_str().unwrap(), picture, "--endpoint", &server.url(), "--wire", "binary"];
        run([base.as_slice(), args].concat())
    };
    let failing = FaultServer::start(|_| Act::Send(answer(500, &[], b"{\"error\": \"out of luck\"}")));
    offload(&failing, &[]).fails(21, "remote_failed", "out of luck");
    let missing = FaultServer::start(|_| Act::Send(answer(404, &[], b"{\"error\": \"unknown model\"}")));
    offload(&missing, &[]).fails(10, "model_not_found", "has no model \"digits\"");
    let silent = FaultServer::start(|_| Act::SendAndStall(Vec::new()));
    offload(&silent, &["--timeout", "200ms"]).fails(18, "deadline_exceeded", "deadline exceeded");
    // What takes over a second is seen, where that is asked for.
    let run = offload(&silent, &["--timeout", "2500ms", "--progress"]);
    assert_eq!(run.code, Some(18), "{}", run.err);
    assert!(run.err.starts_with("0 of 1 runs, 1 s\n"), "{}", run.err);
    offload(&failing, &["--limit-request-bytes", "10"]).fails(16, "resource_limit", "the cap is 10");
}
