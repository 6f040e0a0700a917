//! What the planner allocates: one JSON list of rows for `scripts/bench planner`.
//!
//! Apart from `bench_planner`, because counting costs time. `--quick` makes fewer calls.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program prints")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts of a benchmark are small"
)]

#[path = "bench_planner/setting.rs"]
mod setting;

use std::error::Error;
use std::hint::black_box;

use serde_json::json;
use setting::Setting;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tandem_core::{CostPlanner, Planner};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// Calls the planner over and over, and learns in between as an app's runs do.
fn work(setting: &mut Setting, calls: u32) -> Result<(), tandem_core::Error> {
    for call in 0..calls {
        let plan = CostPlanner::default().plan(&setting.request())?;
        if call % 100 == 0 {
            setting.estimates.observe_decision(&setting.costs.model, &setting.device, &plan, setting.now);
            setting.learn();
        }
        black_box(plan);
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let calls = if std::env::args().any(|word| word == "--quick") { 20_000 } else { 1_000_000 };
    let mut setting = Setting::new();
    let case =
        format!("plan, {} candidates", CostPlanner::default().plan(&setting.request())?.candidates.len());
    // Tables and windows fill first.
    work(&mut setting, 10_000)?;
    let region = Region::new(ALLOCATOR);
    work(&mut setting, calls)?;
    let change = region.change();
    let growth = change.bytes_allocated as f64 - change.bytes_deallocated as f64;
    let row = |metric: &str, unit: &str, value: f64| json!({ "case": case, "subject": "planner", "metric": metric, "unit": unit, "value": value });
    let rows = [
        row(&format!("growth over {calls} calls"), "B", growth),
        row("allocations a call", "", (change.allocations as f64 / f64::from(calls)).round()),
    ];
    println!("{}", json!(rows));
    Ok(())
}
