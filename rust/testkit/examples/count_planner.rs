//! What the planner allocates: one JSON list of rows for `scripts/bench planner`.
//!
//! Apart from `bench_planner`, because counting costs time. `--quick` makes fewer calls.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]
#![allow(dead_code, reason = "it measures no times")]

#[path = "bench_planner/plan_time.rs"]
mod plan_time;
#[path = "bench_planner/rows.rs"]
mod rows;

use std::cell::Cell;
use std::error::Error;

use rows::Rows;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<(), Box<dyn Error>> {
    let quick = std::env::args().any(|word| word == "--quick");
    let mut rows = Rows::default();
    let region = Cell::new(None);
    let after = |calls: u32| {
        let change = region.take().map(|region: Region<'_, _>| region.change()).unwrap_or_default();
        let growth = change.bytes_allocated as f64 - change.bytes_deallocated as f64;
        let each = (change.allocations as f64 / f64::from(calls)).round();
        let case = "plan, 201 candidates";
        rows.push(case, "planner", &format!("growth over {calls} calls"), "B", growth);
        rows.push(case, "planner", "allocations a call", "", each);
    };
    plan_time::repeat(quick, || region.set(Some(Region::new(ALLOCATOR))), after)?;
    println!("{}", rows.to_json()?);
    Ok(())
}
