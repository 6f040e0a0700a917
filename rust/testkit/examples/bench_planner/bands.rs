//! Links that never rest: how often real times fall into the predicted band.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tandem_core::{CostPlanner, InferenceMode, NetworkKind};
use tandem_testkit::simulate::{Cell, Driver, Load, Policy, SimulatedModel};
use tandem_testkit::traces::Scenario;

use crate::rows::{Rows, mean};

const fn kind(scenario: Scenario) -> NetworkKind {
    match scenario {
        Scenario::ThreeGDrive => NetworkKind::Cellular3g,
        Scenario::LteWalk | Scenario::LteDrive | Scenario::Tunnel => NetworkKind::Cellular4g,
        Scenario::FiveGWalk => NetworkKind::Cellular5g,
        Scenario::Wifi | Scenario::Lift => NetworkKind::Wifi,
    }
}

pub(crate) fn measure(
    rows: &mut Rows,
    models: &[SimulatedModel],
    planner: &CostPlanner,
    quick: bool,
    verbose: bool,
) -> Result<(), Box<dyn Error>> {
    let seeds = if quick { 1 } else { 8 };
    for scenario in Scenario::ALL {
        let case = format!("band, {}", scenario.as_str());
        for (subject, mode) in
            [("planner", InferenceMode::Auto), ("cloud through planner", InferenceMode::OnlyInCloud)]
        {
            let (mut shares, mut runs) = (Vec::new(), 0);
            for seed in 0..seeds {
                for model in models {
                    let coverage = drive(model, scenario, planner, mode, seed)?;
                    let Some((share, count, outside)) = coverage else { continue };
                    if verbose {
                        eprintln!(
                            "{case} {subject} {} {seed}: {share:.3} of {count}, {outside:?}",
                            model.name
                        );
                    }
                    shares.push(share);
                    runs += count;
                }
            }
            shares.sort_by(f64::total_cmp);
            rows.push(
                &case,
                subject,
                "times within the 90 % band",
                "%",
                100.0 * mean(shares.iter().copied()),
            );
            rows.push(
                &case,
                subject,
                "the same, worst run",
                "%",
                100.0 * shares.first().copied().unwrap_or(0.0),
            );
            rows.push(&case, subject, "requests", "", runs as f64);
        }
    }
    Ok(())
}

/// A quarter of an hour of requests: the share within the band, how many, and how many below and above it.
fn drive(
    model: &SimulatedModel,
    scenario: Scenario,
    planner: &CostPlanner,
    mode: InferenceMode,
    seed: u64,
) -> Result<Option<(f64, u64, [u64; 2])>, tandem_core::Error> {
    let cell = Cell { model, rate_mbps: 0.0, delay_ms: 0.0, server_speed: 8.0, load: Load::Idle };
    let trace = Arc::new(scenario.trace(seed));
    let end = trace.length();
    let world = cell.world(trace, seed).of_kind(kind(scenario));
    let pause = Duration::from_secs(1);
    let mut driver = Driver::new(Policy::Planner, world, cell.costs(), kind(scenario), pause)
        .with_planner(*planner)
        .with_mode(mode);
    while driver.world().now() < end {
        driver.serve()?;
    }
    let statistics = driver.estimates().statistics();
    let outside = [statistics.below_band, statistics.above_band];
    Ok(statistics.coverage().map(|share| (share, statistics.predicted, outside)))
}
