//! The planner in virtual time: how long a plan takes, how far it is from an oracle, what it saves, how honest its bands are.
//!
//! Prints one JSON list of rows for `scripts/bench planner`. Reaches no engine, so that it is built alone in a minute.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program prints")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts of a benchmark are small"
)]

#[path = "bench_planner/bands.rs"]
mod bands;
#[path = "bench_planner/grid.rs"]
mod grid;
#[path = "bench_planner/plan_time.rs"]
mod plan_time;
#[path = "bench_planner/rows.rs"]
mod rows;
#[path = "bench_planner/setting.rs"]
mod setting;
#[path = "bench_planner/steps.rs"]
mod steps;

use std::error::Error;
use std::process::ExitCode;

use rows::Rows;
use tandem_core::CostPlanner;
use tandem_testkit::simulate::models_from_json;

/// What the command line asks for.
#[derive(Default)]
struct Arguments {
    quick: bool,
    verbose: bool,
    models: Option<String>,
    settings: Option<String>,
    only: Option<String>,
}

impl Arguments {
    fn parse() -> Result<Self, Box<dyn Error>> {
        let mut arguments = Self::default();
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--quick" => arguments.quick = true,
                "--verbose" => arguments.verbose = true,
                "--models" => arguments.models = Some(value()?),
                "--settings" => arguments.settings = Some(value()?),
                "--only" => arguments.only = Some(value()?),
                _ => return Err(format!("unknown option {word:?}").into()),
            }
        }
        Ok(arguments)
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse()?;
    let text = match &arguments.models {
        Some(file) => std::fs::read_to_string(file)?,
        None => include_str!("../data/models.json").to_owned(),
    };
    let models = models_from_json(&text)?;
    let planner = match &arguments.settings {
        Some(json) => CostPlanner { settings: serde_json::from_str(json)? },
        None => CostPlanner::default(),
    };
    let wanted = |part: &str| arguments.only.as_deref().is_none_or(|only| only == part);
    let mut rows = Rows::default();
    if wanted("plan") {
        plan_time::time(&mut rows, arguments.quick)?;
    }
    if wanted("grid") {
        grid::measure(&mut rows, &models, &planner, arguments.quick, arguments.verbose)?;
    }
    if wanted("steps") {
        steps::measure(&mut rows, &models, &planner, arguments.verbose)?;
    }
    if wanted("bands") {
        bands::measure(&mut rows, &models, &planner, arguments.quick, arguments.verbose)?;
    }
    println!("{}", rows.to_json()?);
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
