//! What succeeds: several inputs, wanted outputs, symbolic shapes, and where a run goes.

use tandem_core::{InferenceMode, Reason, Sensitivity, Tensor, TensorError};

use super::build::{case, served};
use super::{Call, Case};

pub(super) fn cases() -> Result<Vec<Case>, TensorError> {
    Ok([inputs_and_outputs()?, symbolic_shapes()?, placements()?].concat())
}

fn inputs_and_outputs() -> Result<Vec<Case>, TensorError> {
    let a = Tensor::from_vec([2, 2], vec![1.0_f32, 2.0, 3.0, 4.0])?;
    let b = Tensor::from_vec([2, 2], vec![0.5_f32, -2.0, 8.0, 0.0])?;
    let sum = Tensor::from_vec([2, 2], vec![1.5_f32, 0.0, 11.0, 4.0])?;
    let product = Tensor::from_vec([2, 2], vec![0.5_f32, -4.0, 24.0, 0.0])?;
    let on = |name: &str, call| case(name, served("arithmetic"), call);
    Ok(vec![
        on("several inputs", Call::Predict)
            .input("a", &a)
            .input("b", &b)
            .gives("sum", &sum)
            .gives("product", &product),
        on("inputs in another order", Call::Predict)
            .input("b", &b)
            .input("a", &a)
            .gives("sum", &sum)
            .gives("product", &product),
        on("one wanted output", Call::Predict)
            .input("a", &a)
            .input("b", &b)
            .wanted(&["product"])
            .gives("product", &product),
        on("wanted outputs in another order", Call::Offload)
            .input("a", &a)
            .input("b", &b)
            .wanted(&["product", "sum"])
            .gives("product", &product)
            .gives("sum", &sum),
    ])
}

/// `y = softmax(x · w)` over a symbolic batch, against values worked out by hand.
fn symbolic_shapes() -> Result<Vec<Case>, TensorError> {
    let mut cases = Vec::new();
    for batch in [1_u8, 3] {
        let rows: Vec<f32> = (0..batch).map(f32::from).collect();
        let x =
            Tensor::from_vec([usize::from(batch), 2], rows.iter().flat_map(|&row| [row, -row]).collect())?;
        // w is the identity, so that the logits are (row, -row).
        let softmax = |row: f32| {
            let (up, down) = (row.exp(), (-row).exp());
            [up / (up + down), down / (up + down)]
        };
        let y =
            Tensor::from_vec([usize::from(batch), 2], rows.iter().flat_map(|&row| softmax(row)).collect())?;
        for (path, call) in [("predict", Call::Predict), ("offload", Call::Offload)] {
            let name = format!("symbolic batch of {batch} {path}");
            cases.push(case(&name, served("classifier"), call).input("x", &x).gives("y", &y).within(1e-6));
        }
    }
    Ok(cases)
}

fn placements() -> Result<Vec<Case>, TensorError> {
    let x = Tensor::from_vec([1], vec![7.0_f32])?;
    let run = |name: &str, mode| {
        case(name, served("identity_f32"), Call::Run).mode(mode).input("x", &x).gives("y", &x)
    };
    let mut cases = vec![
        run("auto runs on the device", InferenceMode::Auto).on_device(Reason::Default),
        run("prefer on device", InferenceMode::PreferOnDevice).on_device(Reason::ModePrefers),
        run("only on device", InferenceMode::OnlyOnDevice).on_device(Reason::ModeRequires),
        run("prefer in cloud", InferenceMode::PreferInCloud).in_cloud("server", Reason::ModePrefers),
        run("only in cloud", InferenceMode::OnlyInCloud).in_cloud("server", Reason::ModeRequires),
        run("prefer in cloud by name", InferenceMode::PreferInCloud)
            .endpoint("json")
            .in_cloud("json", Reason::ModePrefers),
        run("an endpoint that is down leads to the device", InferenceMode::PreferInCloud)
            .endpoint("down")
            .on_device(Reason::Fallback),
        run("private data stays on the device", InferenceMode::PreferInCloud)
            .sensitivity(Sensitivity::Private)
            .on_device(Reason::Default),
        run("internal data stays on the device without a trusted endpoint", InferenceMode::PreferInCloud)
            .sensitivity(Sensitivity::Internal)
            .on_device(Reason::Default),
    ];
    for case in &mut cases {
        // The shape of x is symbolic; one element is the smallest.
        case.inputs[0].shape = vec![1, 1];
        case.expect.outputs[0].shape = vec![1, 1];
    }
    Ok(cases)
}
