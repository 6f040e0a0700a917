//! Repositories in temporary folders, and servers over them.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use tandem_onnx::ModelProto;
use tandem_server::{Server, ServerConfig};
use tandem_testkit::models::arithmetic;
use tempfile::TempDir;

use crate::http::{Answer, Connection};

/// A repository that is gone with the test.
pub(crate) struct Repository(TempDir);

impl Repository {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The repository of most tests: `add` with two versions, and `classifier`.
    pub(crate) fn usual() -> Self {
        Self::new()
            .with("add", 1, &arithmetic::add().unwrap())
            .with("add", 2, &arithmetic::add().unwrap())
            .with("classifier", 1, &arithmetic::classifier(1).unwrap())
    }

    pub(crate) fn with(self, name: &str, version: u64, model: &ModelProto) -> Self {
        self.file(&format!("{name}/{version}/model.onnx"), &model.encode_bytes())
    }

    pub(crate) fn config(self, name: &str, text: &str) -> Self {
        self.file(&format!("{name}/config.pbtxt"), text.as_bytes())
    }

    pub(crate) fn file(self, path: &str, bytes: &[u8]) -> Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn model(&self, name: &str, version: u64) -> PathBuf {
        self.path().join(name).join(version.to_string()).join("model.onnx")
    }

    pub(crate) fn serve(self) -> Running {
        self.serve_with(|_| ())
    }

    pub(crate) fn serve_with(self, change: impl FnOnce(&mut ServerConfig)) -> Running {
        let mut config = self.config_for();
        change(&mut config);
        Running { server: Server::start(config).unwrap(), repository: self }
    }

    pub(crate) fn config_for(&self) -> ServerConfig {
        ServerConfig { address: (Ipv4Addr::LOCALHOST, 0).into(), ..ServerConfig::new(self.path()) }
    }
}

/// A server and the repository that it serves.
pub(crate) struct Running {
    pub(crate) server: Server,
    pub(crate) repository: Repository,
}

impl Running {
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address())
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.connect().get(path)
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.connect().post(path, body)
    }

    /// A number of the statistics of a model: `inference_count`, `/inference_stats/fail/count`.
    pub(crate) fn count(&self, model: &str, pointer: &str) -> u64 {
        let answer = self.get(&format!("/v2/models/{model}/stats")).json();
        let pointer = format!("/model_stats/0/{pointer}");
        answer.pointer(&pointer).unwrap_or_else(|| panic!("{pointer} in {answer}")).as_u64().unwrap()
    }
}

/// A request for `add` with one row in JSON.
pub(crate) const ADD: &str = r#"{"id":"7","inputs":[
    {"name":"a","shape":[1,3],"datatype":"FP32","data":[1,2,3]},
    {"name":"b","shape":[1,3],"datatype":"FP32","data":[[10,20,30]]}]}"#;

pub(crate) const ADD_PATH: &str = "/v2/models/add/infer";

/// A model that takes seconds, node by node, and a request for it.
pub(crate) fn slow() -> (ModelProto, String) {
    const WIDTH: usize = 512;
    let model = tandem_testkit::models::slow::matmul_chain(400, WIDTH).unwrap();
    let data = vec!["1"; WIDTH * WIDTH].join(",");
    let request = format!(
        r#"{{"inputs":[{{"name":"x","shape":[{WIDTH},{WIDTH}],"datatype":"FP32","data":[{data}]}}],"outputs":[{{"name":"y","parameters":{{"binary_data":true}}}}]}}"#
    );
    (model, request)
}
