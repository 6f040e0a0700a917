//! How long a plan takes.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use tandem_core::{CostPlanner, Planner};

use crate::rows::Rows;
use crate::setting::Setting;

pub(crate) fn time(rows: &mut Rows, quick: bool) -> Result<(), Box<dyn Error>> {
    let planner = CostPlanner::default();
    let setting = Setting::new();
    let candidates = planner.plan(&setting.request())?.candidates.len();
    let case = format!("plan, {candidates} candidates");

    let (rounds, batch) = if quick { (20, 200) } else { (100, 1000) };
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begin = Instant::now();
        for _ in 0..batch {
            black_box(planner.plan(black_box(&setting.request()))?);
        }
        times.push(begin.elapsed().as_secs_f64() / f64::from(batch));
    }
    times.sort_by(f64::total_cmp);
    rows.push(&case, "planner", "time, median", "µs", times[times.len() / 2] * 1e6);
    rows.push(&case, "planner", "time, 90th percentile", "µs", times[times.len() * 9 / 10] * 1e6);
    Ok(())
}
