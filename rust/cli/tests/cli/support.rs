//! Running the binary, and things for it to run on.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::Value;
use tandem_onnx::ModelProto;
use tempfile::TempDir;

/// The binary, not yet started.
pub(crate) fn tandem() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.env_remove("TANDEM_TOKEN").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a run of the binary left.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the binary to its end.
pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Run {
    finish(tandem().args(args))
}

/// Runs the binary with this on its standard input.
pub(crate) fn run_with_input<S: AsRef<std::ffi::OsStr>>(
    args: impl IntoIterator<Item = S>,
    input: &[u8],
) -> Run {
    let mut child = tandem().args(args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = thread::spawn(move || {
        // A command that fails first does not read it all.
        let _ = stdin.write_all(&input);
    });
    let run = output(child);
    writer.join().unwrap();
    run
}

pub(crate) fn finish(command: &mut Command) -> Run {
    output(command.spawn().unwrap())
}

pub(crate) fn output(child: Child) -> Run {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl Run {
    /// The run, which must have gone well and said nothing on standard error.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self
    }

    /// The JSON documents on standard output, one a line.
    #[track_caller]
    pub(crate) fn documents(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The only JSON document on standard output of a run that went well.
    #[track_caller]
    pub(crate) fn document(self) -> Value {
        let run = self.ok();
        let mut documents = run.documents();
        assert_eq!(documents.len(), 1, "{}", run.out);
        documents.remove(0)
    }

    /// Checks that the run ended with this code, and this class and text in the one line on standard error.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, class: &str, text: &str) {
        assert_eq!(self.code, Some(code), "{}", self.err);
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
        assert!(self.err.starts_with(&format!("error[{class}]: ")), "{}", self.err);
        assert!(self.err.contains(text), "{}", self.err);
    }
}

/// The demo model's folder.
pub(crate) fn digits_folder() -> PathBuf {
    tandem_testkit::package().join("assets/digits")
}

/// The demo model.
pub(crate) fn digits() -> PathBuf {
    digits_folder().join("digits.onnx")
}

/// The demo model's pictures and the digit on each, by name.
pub(crate) fn pictures() -> Vec<(PathBuf, usize)> {
    let entries = std::fs::read_dir(digits_folder().join("pictures")).unwrap();
    let mut pictures: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let digit = path.file_name().unwrap().to_str().unwrap()[..1].parse().unwrap();
            (path, digit)
        })
        .collect();
    pictures.sort();
    assert!(pictures.len() >= 10);
    pictures
}

/// A temporary folder.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The path of `name` in the folder, as text for a command line.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file and gives its path.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Writes a model and gives its path.
    pub(crate) fn model(&self, name: &str, model: &ModelProto) -> String {
        self.file(&format!("{name}.onnx"), model.encode_bytes())
    }
}

/// A running `tandem serve`, stopped when it is dropped.
pub(crate) struct Server {
    child: Option<Child>,
    /// Its first line, `listening on URL`.
    pub(crate) url: String,
    /// What it has said after that when it was stopped.
    rest: Option<thread::JoinHandle<String>>,
}

impl Server {
    /// Serves `models`, by name, on a free port.
    pub(crate) fn start(folder: &Folder, models: &[(&str, Vec<u8>)], args: &[&str]) -> Self {
        for (name, model) in models {
            folder.file(&format!("repository/{name}/1/model.onnx"), model);
        }
        let mut command = tandem();
        command.arg("serve").arg(folder.path("repository")).args(["--port", "0"]).args(args);
        let mut child = command.stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        let url =
            first.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{first:?}")).to_owned();
        let rest = thread::spawn(move || {
            let mut rest = String::new();
            lines.read_to_string(&mut rest).unwrap();
            rest
        });
        Self { child: Some(child), url, rest: Some(rest) }
    }

    /// Serves the demo model.
    pub(crate) fn digits(folder: &Folder, args: &[&str]) -> Self {
        Self::start(folder, &[("digits", std::fs::read(digits()).unwrap())], args)
    }

    /// Stops the server with SIGTERM and gives its exit code and what it said.
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        self.end().unwrap()
    }

    fn end(&mut self) -> Option<(Option<i32>, String)> {
        let mut child = self.child.take()?;
        terminate(&child);
        let status = child.wait().unwrap();
        let rest = self.rest.take().unwrap().join().unwrap();
        Some((status.code(), rest))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Sends SIGTERM.
pub(crate) fn terminate(child: &Child) {
    let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}
