//! Ctrl-C and SIGTERM.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use tandem_core::DType;
use tandem_onnx::dims;
use tandem_testkit::models::{dtypes, slow};

use crate::support::{Folder, Server, output, tandem, terminate};

#[test]
fn a_run_under_way_is_cancelled() {
    let folder = Folder::new();
    // Fifty runs, and the signal comes after the first.
    let model = folder.model("slow", &slow::matmul_chain(400, 256).unwrap());
    let square = folder.file("square.bin", vec![0; 4 * 256 * 256]);
    let mut child = tandem().args(["predict", "--json", &model]).args(vec![&square; 50]).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    terminate(&child);
    std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
    let run = output(child);
    assert_eq!(run.code, Some(17), "{}", run.err);
    assert!(run.err.contains("\"code\":\"cancelled\""), "{}", run.err);
}

#[test]
fn waiting_for_standard_input_is_ended() {
    let folder = Folder::new();
    let model = folder.model("identity", &dtypes::identity(DType::F32, &dims![1]).unwrap());
    let mut child = tandem().args(["predict", "-v", &model, "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("reading standard input") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it never read");
    }
    terminate(&child);
    // Keeps the pipe open until the end, so that nothing but the signal ends the waiting.
    let stdin = child.stdin.take();
    assert_eq!(child.wait().unwrap().code(), Some(17));
    drop(stdin);
    line.clear();
    stderr.read_line(&mut line).unwrap();
    assert_eq!(line, "error[cancelled]: cancelled\n");
}

#[test]
fn a_server_finishes_what_runs_and_waits_before_it_stops() {
    let folder = Folder::new();
    let model = slow::matmul_chain(30, 1024).unwrap();
    let server = Server::start(
        &folder,
        &[("slow", model.encode_bytes().to_vec())],
        &["--workers", "1", "--no-batching", "--grace", "300s"],
    );
    let model = folder.model("slow", &model);
    let square = folder.file("square.bin", vec![0; 4 * 1024 * 1024]);
    // With one worker two wait only when the third runs.
    let offload = || tandem().args(["offload", &model, &square, "--endpoint", &server.url]).spawn().unwrap();
    let mut runs = [offload(), offload(), offload()];
    while !metrics(&server).contains("tandem_queue_depth{model=\"slow\",version=\"1\"} 2") {
        assert!(
            runs.iter_mut().all(|run| run.try_wait().unwrap().is_none()),
            "a run ended before the others came"
        );
    }
    let (code, said) = server.stop();
    assert_eq!(code, Some(0), "{said}");
    for run in runs {
        let run = output(run);
        assert_eq!(run.code, Some(0), "{}", run.err);
    }
}

/// What the server says of itself at the moment.
fn metrics(server: &Server) -> String {
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}
