//! What fails: every error code that a caller can bring about.

use tandem_core::{ErrorCode, InferenceMode, OfflineBehavior, Sensitivity, Tensor, TensorError};

use super::build::{case, served};
use super::{Before, Call, Case, Load};

pub(super) fn cases() -> Result<Vec<Case>, TensorError> {
    Ok([loading(), inputs()?, stopped()?, cloud()?].concat())
}

fn loading() -> Vec<Case> {
    let zeros = "0".repeat(64);
    vec![
        case("no such file", "models/absent.onnx", Call::Load)
            .fails(ErrorCode::ModelNotFound, &["absent.onnx"]),
        case("not a model", "models/garbage.onnx", Call::Load).fails(ErrorCode::InvalidModel, &[]),
        case("an operator nobody knows", "models/unknown_operator.onnx", Call::Load)
            .fails(ErrorCode::UnsupportedOperator, &["Frobnicate"]),
        case("another digest than expected", served("identity_f32"), Call::Load)
            .load(Load { sha256: Some(zeros.clone()), ..Load::default() })
            .fails(ErrorCode::IntegrityMismatch, &[&zeros]),
        case("a file beyond the limit", served("identity_f32"), Call::Load)
            .load(Load { model_bytes: Some(10), ..Load::default() })
            .fails(ErrorCode::ResourceLimit, &["bytes", "10"]),
    ]
}

fn inputs() -> Result<Vec<Case>, TensorError> {
    let one = Tensor::from_vec([1, 1], vec![1.0_f32])?;
    let two = Tensor::from_vec([2, 2], vec![1.0_f32; 4])?;
    let wide = Tensor::from_vec([1, 3], vec![1.0_f32; 3])?;
    let integer = Tensor::from_vec([1, 2], vec![1_i32; 2])?;
    let mut cases = Vec::new();
    for (path, call) in [("predict", Call::Predict), ("offload", Call::Offload), ("run", Call::Run)] {
        let on = |what: &str, model: &str| case(&format!("{what} {path}"), served(model), call);
        let invalid = ErrorCode::InvalidInput;
        cases.extend([
            on("a missing input", "arithmetic").input("a", &two).fails(invalid, &["\"b\"", "missing"]),
            on("an input nobody asked for", "identity_f32")
                .input("x", &one)
                .input("z", &one)
                .fails(invalid, &["\"z\"", "x"]),
            on("another element type", "classifier")
                .input("x", &integer)
                .fails(invalid, &["\"x\"", "i32", "f32"]),
            on("another shape", "classifier")
                .input("x", &wide)
                .fails(invalid, &["\"x\"", "[1, 3]", "[batch, 2]"]),
            on("an output that is not there", "identity_f32")
                .input("x", &one)
                .wanted(&["nothing"])
                .fails(invalid, &["\"nothing\"", "y"]),
        ]);
    }
    // The operator panics where it divides by nought: the call must end in an error, not the process.
    let dividend = Tensor::from_vec([2], vec![7_i64, -7])?;
    let divisor = Tensor::from_vec([2], vec![2_i64, 0])?;
    for (path, call) in [("predict", Call::Predict), ("run", Call::Run)] {
        cases.push(
            case(&format!("an integer divided by nought {path}"), served("division"), call)
                .input("a", &dividend)
                .input("b", &divisor)
                .fails(ErrorCode::InvalidInput, &["\"divide\"", "zero"]),
        );
    }
    cases.push(
        case("one symbol with two sizes", served("arithmetic"), Call::Predict)
            .input("a", &two)
            .input("b", &wide)
            .fails(ErrorCode::InvalidInput, &["\"a\"", "\"b\"", "rows"]),
    );
    Ok(cases)
}

fn stopped() -> Result<Vec<Case>, TensorError> {
    let x = Tensor::from_vec([1, 1], vec![1.0_f32])?;
    let mut cases = Vec::new();
    for (path, call) in [("predict", Call::Predict), ("offload", Call::Offload), ("run", Call::Run)] {
        let on = |what: &str| case(&format!("{what} {path}"), served("identity_f32"), call).input("x", &x);
        let mut late = on("past its deadline").fails(ErrorCode::DeadlineExceeded, &[]);
        late.options.timeout_ms = Some(0);
        cases.extend([
            on("cancelled before").before(Before::Cancel).fails(ErrorCode::Cancelled, &[]),
            on("model closed before").before(Before::CloseModel).fails(ErrorCode::Closed, &["model"]),
            on("runtime closed before").before(Before::CloseRuntime).fails(ErrorCode::Closed, &[]),
            late,
        ]);
    }
    Ok(cases)
}

fn cloud() -> Result<Vec<Case>, TensorError> {
    let x = Tensor::from_vec([1, 1], vec![1.0_f32])?;
    let on = |name: &str, call| case(name, served("identity_f32"), call).input("x", &x);
    let named = |name: &str| Load { name: Some(name.to_owned()), ..Load::default() };
    let mut no_rescue = on("offline and told to fail", Call::Run)
        .mode(InferenceMode::PreferInCloud)
        .endpoint("down")
        .fails(ErrorCode::Offline, &["\"down\""]);
    no_rescue.options.offline = OfflineBehavior::Fail;
    Ok(vec![
        on("offload of private data", Call::Offload)
            .sensitivity(Sensitivity::Private)
            .fails(ErrorCode::PolicyDenied, &["private"]),
        on("offload of internal data to an endpoint without trust", Call::Offload)
            .sensitivity(Sensitivity::Internal)
            .fails(ErrorCode::PolicyDenied, &["internal", "\"server\""]),
        on("only in cloud with private data", Call::Run)
            .mode(InferenceMode::OnlyInCloud)
            .sensitivity(Sensitivity::Private)
            .fails(ErrorCode::PolicyDenied, &["private"]),
        on("offload to nowhere", Call::Offload).endpoint("down").fails(ErrorCode::Offline, &["\"down\""]),
        no_rescue,
        on("an endpoint nobody configured", Call::Offload)
            .endpoint("elsewhere")
            .fails(ErrorCode::InvalidArgument, &["\"elsewhere\"", "server"]),
        on("a model the server does not have", Call::Offload)
            .load(named("absent"))
            .fails(ErrorCode::ModelNotFound, &["\"absent\""]),
        on("a model that is another one on the server", Call::Offload)
            .load(named("identity_i64"))
            .fails(ErrorCode::RemoteFailed, &["\"server\""]),
    ])
}
