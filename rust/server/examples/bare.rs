//! The least that a server can do: reads a body, runs the model on it, sends the first output's bytes.
//!
//! What `scripts/bench server` measures the real server against. Takes the file of a model with one input and prints
//! the address that it listens on; ends with standard input.
//!
//! ```text
//! cargo run -p tandem-server --example bare -- model.onnx
//! ```

#![allow(clippy::print_stdout, reason = "a program that is run by a script")]

use std::error::Error;
use std::io::Read;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tandem::{LoadOptions, Model, RunOptions, Runtime};
use tandem_core::{Dimension, NamedTensors, Tensor};
use tandem_wire::HEADER_LENGTH;

async fn infer(
    State(model): State<Arc<Model>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Vec<u8>, (StatusCode, String)> {
    let failed = |error: &dyn Error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    let json: usize = headers
        .get(HEADER_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok())
        .ok_or((StatusCode::BAD_REQUEST, "only binary requests are read".to_owned()))?;
    let input = &model.info().inputs[0];
    let size = |dimension: &Dimension| match dimension {
        Dimension::Fixed(size) => *size,
        _ => 1,
    };
    let shape: Vec<usize> = input.shape.iter().flatten().map(size).collect();
    let tensor = body.get(json..).ok_or((StatusCode::BAD_REQUEST, "the body is too short".to_owned()))?;
    let tensor = Tensor::from_bytes(input.dtype, shape, tensor).map_err(|error| failed(&error))?;
    let inputs = NamedTensors::new([(input.name.as_str(), tensor)]).map_err(|error| failed(&error))?;
    let prediction = model.predict(&inputs, &RunOptions::default()).map_err(|error| failed(&error))?;
    let first = prediction.outputs.iter().next().and_then(|(_, tensor)| Some(tensor.bytes()?.to_vec()));
    Ok(first.unwrap_or_default())
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("the model's file is missing")?;
    let model = Runtime::builder().build()?.load(path, &LoadOptions::default())?;
    let router = Router::new()
        .route("/v2/models/{model}/infer", post(infer))
        .layer(DefaultBodyLimit::max(64 << 20))
        .with_state(Arc::new(model));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
    println!("{}", listener.local_addr()?);
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let router = TowerToHyperService::new(router.clone());
            tokio::spawn(async move {
                if stream.set_nodelay(true).is_ok() {
                    let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), router).await;
                }
            });
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
