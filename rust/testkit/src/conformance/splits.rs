//! Split runs: the head here, the tail on an endpoint, one of two inputs never leaving the device.
//!
//! Manifest and tail are what `tandem split` makes of [`model`]; `rust/cli/tests/cli/conformance.rs` says how, and fails where
//! the files are not those.

use bytes::Bytes;
use tandem_core::{
    DeviceState, ErrorCode, InferenceMode, MemoryPressure, NetworkKind, Placement, Reason, Tensor,
    TensorError,
};
use tandem_onnx::{BuildError, DataType, GraphBuilder, dims};

use super::build::{case, served};
use super::models::file;
use super::{Call, Case, Load, Manifest};

/// The model's name on the server.
pub(super) const MODEL: &str = "halves";
/// The cut's id: a hash of model and boundary.
const CUT: &str = "a96966d23e38204f";
/// The key that belongs to the one in `rust/cli/tests/cli/conformance.rs`.
const KEY: &str = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";
/// The same but for one digit.
const OTHER_KEY: &str = "13a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";

/// `open = tanh(relu(x · narrow) · wide)` and `own = y²`: cut at its narrow middle, nothing of `y` crosses.
pub(super) fn model() -> Result<Bytes, BuildError> {
    let mut graph = GraphBuilder::new(MODEL);
    graph.input("x", DataType::Float32, dims![1, 4]).input("y", DataType::Float32, dims![1, 4]);
    graph.initializer("narrow", &[4, 2], &[0.5_f32, -0.25, 0.25, 0.5, -0.5, 0.75, 1.0, 0.125]);
    graph.initializer("wide", &[2, 4], &[1.0_f32, 0.5, -0.5, 0.25, -1.0, 0.75, 0.5, 0.125]);
    graph.node("MatMul", ["x", "narrow"], ["product"]);
    graph.node("Relu", ["product"], ["middle"]);
    graph.node("MatMul", ["middle", "wide"], ["spread"]);
    graph.node("Tanh", ["spread"], ["open"]);
    graph.node("Mul", ["y", "y"], ["own"]);
    graph.output("open", DataType::Float32, dims![1, 4]).output("own", DataType::Float32, dims![1, 4]);
    file(graph)
}

fn halves(name: &str, call: Call, key: Option<&str>) -> Case {
    let splits =
        Manifest { manifest: format!("repository/{MODEL}.tandem.json"), public_key: key.map(str::to_owned) };
    // Short of memory, a device runs what it can elsewhere; the private tensor leaves the cut as the only way.
    let device = DeviceState {
        network: NetworkKind::Wifi,
        memory: MemoryPressure::Critical,
        ..DeviceState::default()
    };
    case(name, served(MODEL), call)
        .load(Load { name: Some(MODEL.to_owned()), splits: Some(splits), ..Load::default() })
        .device(device)
}

fn at_the_cut() -> Placement {
    Placement::Split { cut: CUT.into(), endpoint: "server".into() }
}

pub(super) fn cases() -> Result<Vec<Case>, TensorError> {
    let x = Tensor::from_vec([1, 4], vec![1.0_f32, 0.5, 0.25, 0.5])?;
    let y = Tensor::from_vec([1, 4], vec![0.5_f32, -1.0, 2.0, 3.0])?;
    // In the middle are 1 and 0.25.
    let open = Tensor::from_vec([1, 4], vec![0.635_149_f32, 0.596_373_6, -0.358_357_4, 0.274_061_6])?;
    let own = Tensor::from_vec([1, 4], vec![0.25_f32, 1.0, 4.0, 9.0])?;
    let cloud = || Placement::InCloud { endpoint: "server".into() };
    let run = |name, key, private| {
        halves(name, Call::Run, key)
            .private_tensor(private)
            .input("x", &x)
            .input("y", &y)
            .gives("open", &open)
            .gives("own", &own)
            .within(1e-5)
            .first(at_the_cut())
            .because(Reason::Best)
            .considers(Placement::OnDevice, true, Reason::LowMemory)
            .considers(cloud(), false, Reason::PrivateTensor)
    };
    let stays = |name, private| {
        halves(name, Call::Run, Some(KEY))
            .private_tensor(private)
            .input("x", &x)
            .input("y", &y)
            .gives("open", &open)
            .gives("own", &own)
            .within(1e-5)
            .first(Placement::OnDevice)
            .considers(cloud(), false, Reason::PrivateTensor)
            .considers(at_the_cut(), false, Reason::PrivateTensor)
    };
    Ok(vec![
        halves("a plan that splits", Call::Plan, Some(KEY)).private_tensor("y").first(at_the_cut()),
        run("a split run by a signed manifest", Some(KEY), "y"),
        run("a split run by a manifest whose signature nobody asks for", None, "y"),
        run("a split run that keeps a tensor inside the graph", Some(KEY), "own"),
        stays("a private tensor that would cross stays on the device", "middle"),
        stays("a private tensor from which others cross stays on the device", "product"),
        stays("a private tensor that the tail would compute stays on the device", "spread"),
        halves("a private tensor that is not in the graph", Call::Plan, Some(KEY))
            .private_tensor("nothing")
            .fails(ErrorCode::InvalidInput, &["\"nothing\""]),
        halves("a split whole on the device", Call::Run, Some(KEY))
            .mode(InferenceMode::OnlyOnDevice)
            .input("x", &x)
            .input("y", &y)
            .gives("open", &open)
            .gives("own", &own)
            .within(1e-5)
            .on_device(Reason::ModeRequires),
        halves("a manifest that another key has signed", Call::Load, Some(OTHER_KEY))
            .fails(ErrorCode::IntegrityMismatch, &["signature"]),
        Case {
            model: served("classifier"),
            ..halves("the manifest of another model", Call::Load, Some(KEY))
        }
        .fails(ErrorCode::IntegrityMismatch, &["SHA-256"]),
    ])
}
