//! Ctrl-C and SIGTERM.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use tandem_core::DType;
use tandem_onnx::dims;
use tandem_testkit::models::{dtypes, slow};

use crate::support::{Folder, output, tandem, terminate};

#[test]
fn a_run_under_way_is_cancelled() {
    let folder = Folder::new();
    // A second or so a run, fifty of them: the signal comes long before the end.
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
