use proptest::prelude::*;

use super::*;
use crate::{Placement, Reason};

fn view(name: &str, takes_internal: bool, reachability: Reachability) -> EndpointView {
    EndpointView { name: name.into(), takes_internal, tls: takes_internal, reachability }
}

fn cloud(name: &str) -> Placement {
    Placement::InCloud { endpoint: name.into() }
}

/// The plan by rule of a request of which nothing else is known.
fn rules(
    mode: InferenceMode,
    sensitivity: Sensitivity,
    offline: OfflineBehavior,
    endpoints: &[EndpointView],
) -> Result<Plan, Error> {
    RulePlanner.plan(&PlanRequest {
        mode,
        sensitivity,
        private_tensors: &[],
        objective: Objective::default(),
        risk: Risk::default(),
        offline,
        remaining: None,
        endpoints,
        costs: &ModelCosts::default(),
        estimates: &Estimates::default(),
        device: &DeviceState::default(),
        server_load: 1.0,
        now: Duration::ZERO,
    })
}

fn order(
    mode: InferenceMode,
    sensitivity: Sensitivity,
    endpoints: &[EndpointView],
) -> Result<Vec<Placement>, Error> {
    rules(mode, sensitivity, OfflineBehavior::RunLocally, endpoints).map(|plan| plan.order)
}

#[test]
fn each_mode_orders_device_and_cloud_as_its_name_says() {
    use InferenceMode::{Auto, OnlyInCloud, OnlyOnDevice, PreferInCloud, PreferOnDevice};
    let endpoints = [view("a", false, Reachability::Unknown)];
    for (mode, expected) in [
        (Auto, vec![Placement::OnDevice, cloud("a")]),
        (PreferOnDevice, vec![Placement::OnDevice, cloud("a")]),
        (PreferInCloud, vec![cloud("a"), Placement::OnDevice]),
        (OnlyOnDevice, vec![Placement::OnDevice]),
        (OnlyInCloud, vec![cloud("a")]),
    ] {
        assert_eq!(order(mode, Sensitivity::Public, &endpoints).unwrap(), expected, "{mode}");
    }
}

#[test]
fn an_endpoint_that_answers_comes_before_one_that_does_not() {
    let endpoints =
        [view("down", false, Reachability::Unreachable), view("up", false, Reachability::Reachable)];
    let placements = order(InferenceMode::PreferInCloud, Sensitivity::Public, &endpoints).unwrap();
    assert_eq!(placements, [cloud("up"), cloud("down"), Placement::OnDevice]);
}

#[test]
fn with_every_endpoint_down_the_device_comes_first_unless_offline_is_to_fail() {
    let endpoints = [view("down", false, Reachability::Unreachable)];
    for (offline, first) in
        [(OfflineBehavior::RunLocally, Placement::OnDevice), (OfflineBehavior::Fail, cloud("down"))]
    {
        let (mode, sensitivity) = (InferenceMode::PreferInCloud, Sensitivity::Public);
        let plan = rules(mode, sensitivity, offline, &endpoints).unwrap();
        assert_eq!(plan.order[0], first);
        assert_eq!(plan.reason(&cloud("down")), Some(Reason::Unreachable));
    }
}

#[test]
fn a_policy_that_leaves_nothing_is_an_error_and_never_a_reroute() {
    let endpoints = [view("a", false, Reachability::Reachable)];
    for sensitivity in [Sensitivity::Internal, Sensitivity::Private] {
        let error = order(InferenceMode::OnlyInCloud, sensitivity, &endpoints).unwrap_err();
        assert_eq!(error.code(), crate::ErrorCode::PolicyDenied, "{error}");
    }
}

#[test]
fn the_cloud_without_an_endpoint_is_offline() {
    let error = order(InferenceMode::OnlyInCloud, Sensitivity::Public, &[]).unwrap_err();
    assert_eq!(error.code(), crate::ErrorCode::Offline);
}

fn any_request() -> impl Strategy<Value = (InferenceMode, Sensitivity, OfflineBehavior, Vec<EndpointView>)> {
    let mode = prop::sample::select(vec![
        InferenceMode::Auto,
        InferenceMode::PreferOnDevice,
        InferenceMode::PreferInCloud,
        InferenceMode::OnlyOnDevice,
        InferenceMode::OnlyInCloud,
    ]);
    let sensitivity =
        prop::sample::select(vec![Sensitivity::Public, Sensitivity::Internal, Sensitivity::Private]);
    let offline = prop::sample::select(vec![OfflineBehavior::Fail, OfflineBehavior::RunLocally]);
    let reachability =
        prop::sample::select(vec![Reachability::Unknown, Reachability::Reachable, Reachability::Unreachable]);
    let endpoints = prop::collection::vec((any::<bool>(), reachability), 0..5).prop_map(|endpoints| {
        let named = endpoints.into_iter().enumerate();
        named
            .map(|(index, (trusted, reachability))| view(&index.to_string(), trusted, reachability))
            .collect()
    });
    (mode, sensitivity, offline, endpoints)
}

proptest! {
    #[test]
    fn data_goes_only_where_its_label_lets_it((mode, sensitivity, offline, endpoints) in any_request()) {
        let Ok(plan) = rules(mode, sensitivity, offline, &endpoints) else { return Ok(()) };
        for placement in &plan.order {
            let Placement::InCloud { endpoint } = placement else { continue };
            let view = endpoints.iter().find(|view| view.name == *endpoint).unwrap();
            prop_assert!(sensitivity != Sensitivity::Private);
            prop_assert!(sensitivity == Sensitivity::Public || view.takes_internal);
            prop_assert!(mode != InferenceMode::OnlyOnDevice);
        }
        prop_assert!(mode != InferenceMode::OnlyInCloud || !plan.order.contains(&Placement::OnDevice));
    }

    #[test]
    fn a_plan_considers_everything_once_and_tries_exactly_what_is_allowed(
        (mode, sensitivity, offline, endpoints) in any_request()
    ) {
        let Ok(plan) = rules(mode, sensitivity, offline, &endpoints) else { return Ok(()) };
        prop_assert_eq!(plan.candidates.len(), endpoints.len() + 1);
        let allowed = plan.candidates.iter().filter(|candidate| candidate.allowed);
        prop_assert_eq!(allowed.clone().count(), plan.order.len());
        for candidate in allowed {
            prop_assert!(plan.order.contains(&candidate.placement));
        }
    }

    #[test]
    fn only_a_mode_that_forbids_the_device_can_leave_nothing((mode, sensitivity, offline, endpoints) in any_request()) {
        let plan = rules(mode, sensitivity, offline, &endpoints);
        prop_assert!(plan.is_ok() || mode == InferenceMode::OnlyInCloud);
    }
}
