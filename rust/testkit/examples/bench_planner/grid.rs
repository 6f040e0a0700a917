//! The grid against oracle, cloud and device.

use std::error::Error;

use tandem_core::{CostPlanner, Objective};
use tandem_testkit::simulate::{Cell, Grid, Policy, SimulatedModel, Turn};

use crate::rows::{Rows, geometric, joules, mean, most, seconds};

/// Requests after which the planner has no excuse.
const WARM: usize = 10;

/// One point, served by each policy.
struct Point {
    label: String,
    model: String,
    oracle: Vec<Turn>,
    cloud: Vec<Turn>,
    device: Vec<Turn>,
    planner: Vec<Turn>,
    saver: Vec<Turn>,
}

impl Point {
    fn measure(cell: &Cell<'_>, planner: &CostPlanner, count: usize) -> Result<Self, tandem_core::Error> {
        let run = |policy, objective| cell.run(policy, *planner, objective, count, 7);
        let cloud = run(Policy::CloudOnly, Objective::Latency)?;
        let device = run(Policy::DeviceOnly, Objective::Latency)?;
        // The oracle looks one request ahead. Who always does the same is sometimes quicker over many, by keeping a
        // connection warm: the quickest of all is what the planner is held against.
        let mut oracle = run(Policy::Oracle, Objective::Latency)?;
        let cuts = (0..cell.model.cuts.len()).map(|index| run(Policy::Cut(index), Objective::Latency));
        for fixed in [Ok(cloud.clone()), Ok(device.clone())].into_iter().chain(cuts) {
            let fixed = fixed?;
            if seconds(&fixed[WARM..]) < seconds(&oracle[WARM..]) {
                oracle = fixed;
            }
        }
        Ok(Self {
            label: cell.label(),
            model: cell.model.name.clone(),
            oracle,
            cloud,
            device,
            planner: run(Policy::Planner, Objective::Latency)?,
            saver: run(Policy::Planner, Objective::Energy)?,
        })
    }

    fn regret(&self) -> f64 {
        seconds(&self.planner) / seconds(&self.oracle)
    }

    fn warm_regret(&self) -> f64 {
        seconds(&self.planner[WARM..]) / seconds(&self.oracle[WARM..])
    }

    /// The planner against the better of the two that do not choose, once warm.
    fn against_fixed(&self) -> f64 {
        let fixed = seconds(&self.cloud[WARM..]).min(seconds(&self.device[WARM..]));
        seconds(&self.planner[WARM..]) / fixed
    }
}

pub(crate) fn measure(
    rows: &mut Rows,
    models: &[SimulatedModel],
    planner: &CostPlanner,
    quick: bool,
    verbose: bool,
) -> Result<(), Box<dyn Error>> {
    let grid = Grid::default();
    let count = if quick { 30 } else { 200 };
    let cells = grid.cells(models);
    let points =
        cells.iter().map(|cell| Point::measure(cell, planner, count)).collect::<Result<Vec<_>, _>>()?;
    if verbose {
        let mut worst: Vec<&Point> = points.iter().collect();
        worst.sort_by(|a, b| b.warm_regret().total_cmp(&a.warm_regret()));
        for point in worst.iter().take(25) {
            let last = point.planner.last().map(|turn| turn.placement.to_string()).unwrap_or_default();
            let best = point.oracle.last().map(|turn| turn.placement.to_string()).unwrap_or_default();
            let (all, warm, fixed) = (point.regret(), point.warm_regret(), point.against_fixed());
            eprintln!("{:45} {all:.3} {warm:.3} {fixed:.3}  {last} / {best}", point.label);
        }
    }
    for model in models.iter().map(|model| Some(&model.name)).chain([None]) {
        let chosen: Vec<&Point> =
            points.iter().filter(|point| model.is_none_or(|name| *name == point.model)).collect();
        let case = model.map_or_else(|| "grid, all".to_owned(), |name| format!("grid, {name}"));
        summarise(rows, &case, &chosen);
    }
    rows.push("grid, all", "planner", "points", "", points.len() as f64);
    let over = points.iter().filter(|point| point.against_fixed() > 1.05).count();
    rows.push("grid, all", "planner", "points > 5 % over the better fixed choice", "", over as f64);
    let probes =
        points.iter().flat_map(|point| &point.planner).map(|turn| f64::from(turn.probes)).sum::<f64>();
    let turns = points.iter().map(|point| point.planner.len()).sum::<usize>();
    rows.push("grid, all", "planner", "probes a request", "%", 100.0 * probes / turns as f64);
    Ok(())
}

fn summarise(rows: &mut Rows, case: &str, points: &[&Point]) {
    let each = |value: fn(&Point) -> f64| points.iter().map(move |point| value(point));
    let mut push = |metric: &str, unit: &str, value: f64| rows.push(case, "planner", metric, unit, value);
    push("time over oracle's, geometric mean", "x", geometric(each(Point::regret)));
    push("the same after ten requests", "x", geometric(each(Point::warm_regret)));
    push("the same, most", "x", most(each(Point::warm_regret)));
    push("time over the better fixed choice's, most", "x", most(each(Point::against_fixed)));
    for (name, fixed) in [("cloud-only", true), ("device-only", false)] {
        let turns = |point: &Point| if fixed { &point.cloud } else { &point.device }.clone();
        let faster = |point: &&Point| seconds(&turns(point)) / seconds(&point.planner);
        let saved = |point: &&Point, by: &[Turn]| 100.0 * (1.0 - joules(by) / joules(&turns(point)));
        push(&format!("speed-up over {name}, mean"), "x", mean(points.iter().map(faster)));
        push(&format!("speed-up over {name}, most"), "x", most(points.iter().map(faster)));
        let latency = mean(points.iter().map(|point| saved(point, &point.planner)));
        push(&format!("energy saved over {name}, mean"), "%", latency);
        let for_energy = mean(points.iter().map(|point| saved(point, &point.saver)));
        push(&format!("the same for objective energy, over {name}"), "%", for_energy);
    }
}
