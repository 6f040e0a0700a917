//! Decisions without the work, inputs that stay on the device, and what the host tells of it.
//!
//! Only what every planner must decide: which of several placements is the fastest is no business of the table.

use tandem_core::{
    DeviceState, ErrorCode, InferenceMode, NetworkKind, Placement, Reason, Sensitivity, Tensor, TensorError,
};

use super::build::{case, served};
use super::{Call, Case};

pub(super) fn cases() -> Result<Vec<Case>, TensorError> {
    Ok([plans(), private_tensors()?, device_states()?].concat())
}

fn server() -> Placement {
    Placement::InCloud { endpoint: "server".into() }
}

fn plan(name: &str, mode: InferenceMode) -> Case {
    case(name, served("identity_f32"), Call::Plan).mode(mode)
}

fn plans() -> Vec<Case> {
    vec![
        plan("a plan that prefers the cloud", InferenceMode::PreferInCloud).first(server()).considers(
            server(),
            true,
            Reason::ModePrefers,
        ),
        plan("a plan for this device only", InferenceMode::OnlyOnDevice)
            .first(Placement::OnDevice)
            .considers(Placement::OnDevice, true, Reason::ModeRequires)
            .considers(server(), false, Reason::ModeForbids),
        plan("a plan for the cloud only", InferenceMode::OnlyInCloud).first(server()).considers(
            Placement::OnDevice,
            false,
            Reason::ModeForbids,
        ),
        plan("a plan for private data", InferenceMode::PreferInCloud)
            .sensitivity(Sensitivity::Private)
            .first(Placement::OnDevice)
            .considers(server(), false, Reason::SensitivityForbids),
        plan("a plan for an endpoint nobody configured", InferenceMode::Auto)
            .endpoint("elsewhere")
            .fails(ErrorCode::InvalidArgument, &["\"elsewhere\"", "server"]),
    ]
}

fn private_tensors() -> Result<Vec<Case>, TensorError> {
    let x = Tensor::from_vec([1, 1], vec![7.0_f32])?;
    let case_of = |name: &str, call, mode| {
        let case = case(name, served("identity_f32"), call).mode(mode);
        if call == Call::Plan { case } else { case.input("x", &x) }
    };
    let on = |name: &str, call, mode| case_of(name, call, mode).private_tensor("x");
    let mut cases = vec![
        on("a plan with a private tensor", Call::Plan, InferenceMode::PreferInCloud)
            .first(Placement::OnDevice)
            .considers(server(), false, Reason::PrivateTensor),
        on("a private tensor stays on the device", Call::Run, InferenceMode::PreferInCloud)
            .gives("y", &x)
            .first(Placement::OnDevice)
            .considers(server(), false, Reason::PrivateTensor),
    ];
    for (what, call, mode) in [
        ("plan", Call::Plan, InferenceMode::OnlyInCloud),
        ("run", Call::Run, InferenceMode::OnlyInCloud),
        ("offload", Call::Offload, InferenceMode::Auto),
    ] {
        let name = format!("a private tensor in the cloud only {what}");
        cases.push(on(&name, call, mode).fails(ErrorCode::PolicyDenied, &["\"x\""]));
        let name = format!("a private tensor that is none {what}");
        let case = on(&name, call, InferenceMode::Auto).private_tensor("z");
        cases.push(case.fails(ErrorCode::InvalidInput, &["\"z\""]));
        let name = format!("a private output in the cloud only {what}");
        let case = case_of(&name, call, mode).private_tensor("y");
        cases.push(case.fails(ErrorCode::PolicyDenied, &["\"y\""]));
    }
    Ok(cases)
}

fn device_states() -> Result<Vec<Case>, TensorError> {
    let x = Tensor::from_vec([1, 1], vec![7.0_f32])?;
    let offline = DeviceState { network: NetworkKind::None, ..DeviceState::default() };
    let poor = DeviceState {
        network: NetworkKind::Cellular3g,
        network_id: Some("carrier".to_owned()),
        metered: Some(true),
        uplink_bps: Some(100_000),
        downlink_bps: Some(1_000_000),
        battery_level: Some(0.5),
        charging: Some(true),
        low_power_mode: Some(false),
        ..DeviceState::default()
    };
    Ok(vec![
        plan("a plan without a network", InferenceMode::Auto)
            .device(offline.clone())
            .first(Placement::OnDevice),
        plan("a plan on a poor network", InferenceMode::OnlyOnDevice).device(poor).first(Placement::OnDevice),
        case("a run without a network", served("identity_f32"), Call::Run)
            .device(offline)
            .input("x", &x)
            .gives("y", &x)
            .first(Placement::OnDevice),
    ])
}
