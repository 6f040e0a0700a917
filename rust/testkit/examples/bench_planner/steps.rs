//! Links that change at once: how many requests until the planner is back.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tandem_core::{CostPlanner, NetworkKind};
use tandem_testkit::simulate::{Cell, Driver, Load, Policy, SimulatedModel};
use tandem_testkit::traces::{LinkState, Trace};

use crate::rows::{Rows, mean, most};

/// The first step comes after so many seconds, and each further one a second later, so that it finds the looks elsewhere.
const STEP: f64 = 40.0;
/// So many moments, each in a world of other chance.
const MOMENTS: u32 = 6;
/// After so many requests it is given up on.
const PATIENCE: usize = 200;
/// Within this of the oracle it is back.
const BACK: f64 = 1.1;

/// Whether the host notices the step.
#[derive(Clone, Copy)]
enum Notice {
    /// It says nothing: the planner has to find out.
    Nothing,
    /// It tells of another uplink.
    Uplink,
    /// It tells of another network.
    Network,
}

/// Requests after the step until three in a row are within 10 % of the oracle's: the first of them counts. `None` where
/// the step makes no difference to what is best.
fn recovery(
    cell: &Cell<'_>,
    planner: &CostPlanner,
    [before, after]: [LinkState; 2],
    notice: Notice,
    moment: u32,
) -> Result<Option<f64>, tandem_core::Error> {
    let step = STEP + f64::from(moment);
    let trace = Arc::new(Trace::step(before, Duration::from_secs_f64(step), after));
    let world = cell.world(trace, u64::from(3 + moment));
    let pause = Duration::from_secs(1);
    let mut driver =
        Driver::new(Policy::Planner, world, cell.costs(), NetworkKind::Wifi, pause).with_planner(*planner);
    let hint = |state: LinkState| state.up_bps as u64;
    if matches!(notice, Notice::Uplink) {
        driver.device().uplink_bps = Some(hint(before));
    }
    let mut settled = None;
    while driver.world().now().as_secs_f64() < step {
        settled = driver.best().map(|(placement, _)| placement);
        driver.serve()?;
    }
    match notice {
        Notice::Nothing => {}
        Notice::Uplink => driver.device().uplink_bps = Some(hint(after)),
        Notice::Network => driver.device().network_id = Some("next".to_owned()),
    }
    if driver.best().map(|(placement, _)| placement) == settled {
        return Ok(None);
    }
    let mut good = 0;
    for turn in 0..PATIENCE {
        let best = driver.best().map_or(0.0, |(_, measured)| measured.total.as_secs_f64());
        let took = driver.serve()?.measured.total.as_secs_f64();
        good = if took <= BACK * best { good + 1 } else { 0 };
        if good == 3 {
            return Ok(Some((turn + 1 - good) as f64));
        }
    }
    Ok(Some(PATIENCE as f64))
}

/// Every model on servers and devices of several paces, with every step from a worse link to a better one.
fn steps(models: &[SimulatedModel]) -> Vec<(Cell<'_>, [LinkState; 2])> {
    let link = |mbps: f64, ms| LinkState::new(mbps * 1e6, Duration::from_millis(ms));
    let states = [link(0.5, 150), link(2.0, 40), link(10.0, 40), link(50.0, 5), link(200.0, 5)];
    let mut steps = Vec::new();
    for model in models {
        for (index, &low) in states.iter().enumerate() {
            for &high in &states[index + 1..] {
                for (server_speed, load) in [(2.0, Load::Busy), (8.0, Load::Idle), (8.0, Load::Busy)] {
                    let cell = Cell { model, rate_mbps: 0.0, delay_ms: 0.0, server_speed, load };
                    steps.push((cell, [low, high]));
                }
            }
        }
    }
    steps
}

pub(crate) fn measure(
    rows: &mut Rows,
    models: &[SimulatedModel],
    planner: &CostPlanner,
    verbose: bool,
) -> Result<(), Box<dyn Error>> {
    let cases = [
        ("worse, unannounced", true, Notice::Nothing),
        ("better, other network", false, Notice::Network),
        ("better, other uplink", false, Notice::Uplink),
        ("better, unannounced", false, Notice::Nothing),
    ];
    for (case, worse, notice) in cases {
        let mut taken = Vec::new();
        for (cell, [low, high]) in steps(models) {
            let step = if worse { [high, low] } else { [low, high] };
            for moment in 0..MOMENTS {
                let Some(requests) = recovery(&cell, planner, step, notice, moment)? else { continue };
                taken.push(requests);
                if verbose && requests > 5.0 {
                    let Cell { model, server_speed, load, .. } = &cell;
                    let name = &model.name;
                    eprintln!("{case}: {name} {step:?} {server_speed} {load:?} {moment}: {requests}");
                }
            }
        }
        let case = format!("step, {case}");
        let within = taken.iter().filter(|&&requests| requests <= 5.0).count();
        let share = 100.0 * within as f64 / taken.len() as f64;
        rows.push(&case, "planner", "steps", "", taken.len() as f64);
        rows.push(&case, "planner", "back within five requests", "%", share);
        rows.push(&case, "planner", "requests until back, mean", "", mean(taken.iter().copied()));
        rows.push(&case, "planner", "requests until back, most", "", most(taken));
    }
    Ok(())
}
