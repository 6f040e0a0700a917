//! `tandem profile`: what every node of a model costs.

use std::io::Write as _;
use std::time::Duration;

use serde::Serialize;
use tandem::{Model, NamedTensors, Profile, RunOptions, Runtime};

use crate::args::ProfileArgs;
use crate::error::CliError;
use crate::input::{Requests, ShapeHints};
use crate::output::{Align, Table, bytes, nanoseconds, time};
use crate::random;
use crate::session::Session;
use crate::statistics::median;

/// One node, over all runs.
#[derive(Debug, Serialize)]
struct Node<'a> {
    /// Its place in the order in which nodes run, from 0.
    index: usize,
    name: &'a str,
    operator: &'a str,
    median_ns: u64,
    output_bytes: u64,
}

/// All runs.
#[derive(Debug, Serialize)]
struct ProfileDocument<'a> {
    model: &'a str,
    runs: usize,
    total_ns: u64,
    nodes_ns: u64,
    peak_bytes: u64,
    nodes: Vec<Node<'a>>,
}

/// Runs the command.
pub(crate) fn execute(args: &ProfileArgs, session: &mut Session) -> Result<(), CliError> {
    let (_runtime, model) = session.loading(|| args.model.load(Runtime::builder(), None))?;
    let limit = args.model.limits().tensor_bytes;
    let inputs = inputs(&model, args, limit)?;
    let profiles = measure(&model, &inputs, args, session)?;
    let document = summarise(&model.info().name, &profiles, args.top);
    if session.json {
        return session.print_json(&document);
    }
    write(&document, session)
}

/// What the command line gives, or random values where it gives nothing.
fn inputs(model: &Model, args: &ProfileArgs, limit: u64) -> Result<NamedTensors, CliError> {
    if args.input.sources.is_empty() {
        return random::inputs(model.info(), &ShapeHints::new(&args.input), limit);
    }
    let requests = Requests::new(model.info(), &args.input, limit)?;
    let mut inputs = requests.iter();
    match (inputs.next(), requests.len()) {
        (Some(first), 1) => Ok(first?.inputs),
        _ => Err(CliError::Usage(format!("profile takes one set of inputs, got {}", requests.len()))),
    }
}

fn measure(
    model: &Model,
    inputs: &NamedTensors,
    args: &ProfileArgs,
    session: &Session,
) -> Result<Vec<Profile>, CliError> {
    let token = session.signals.token().clone();
    let started = std::time::Instant::now();
    let options = || RunOptions {
        timeout: args.timeout.map(|timeout| timeout.saturating_sub(started.elapsed())),
        token: token.clone(),
        ..RunOptions::default()
    };
    let progress = session.progress("runs", args.runs as usize);
    session.signals.cancellable(|| {
        model.profile(inputs, &options())?;
        (0..args.runs)
            .map(|_| {
                let profile = model.profile(inputs, &options())?;
                progress.step();
                Ok(profile)
            })
            .collect()
    })
}

/// The medians, the slowest node first.
fn summarise<'a>(model: &'a str, profiles: &'a [Profile], top: usize) -> ProfileDocument<'a> {
    // A plan is the same list of nodes in every run of the same shapes.
    let nodes = profiles.first().map(|profile| profile.nodes.as_slice()).unwrap_or_default();
    let node_time = |index: usize| {
        median(profiles.iter().filter_map(|profile| profile.nodes.get(index)).map(|node| node.time).collect())
    };
    let mut nodes: Vec<Node<'_>> = nodes
        .iter()
        .enumerate()
        .map(|(index, node)| Node {
            index,
            name: &node.name,
            operator: &node.operator,
            median_ns: nanoseconds(node_time(index)),
            output_bytes: node.output_bytes,
        })
        .collect();
    let nodes_ns = nodes.iter().map(|node| node.median_ns).sum();
    nodes.sort_by_key(|node| std::cmp::Reverse(node.median_ns));
    if top > 0 {
        nodes.truncate(top);
    }
    ProfileDocument {
        model,
        runs: profiles.len(),
        total_ns: nanoseconds(median(profiles.iter().map(|profile| profile.total).collect())),
        nodes_ns,
        peak_bytes: profiles.iter().map(|profile| profile.peak_bytes).max().unwrap_or(0),
        nodes,
    }
}

fn write(document: &ProfileDocument<'_>, session: &mut Session) -> Result<(), CliError> {
    let mut table = Table::new([
        ("#", Align::Right),
        ("time", Align::Right),
        ("share", Align::Right),
        ("output", Align::Right),
        ("operator", Align::Left),
        ("node", Align::Left),
    ]);
    for node in &document.nodes {
        #[expect(clippy::cast_precision_loss, reason = "it is shown with three digits")]
        let share = 100.0 * node.median_ns as f64 / document.nodes_ns.max(1) as f64;
        table.row([
            node.index.to_string().as_str(),
            &time(Duration::from_nanos(node.median_ns)),
            &format!("{share:.1} %"),
            &bytes(node.output_bytes),
            node.operator,
            node.name,
        ]);
    }
    let out = &mut session.out;
    table.write(out, 0)?;
    writeln!(out)?;
    writeln!(
        out,
        "median of {} runs: {} in all, {} of them in nodes; at most {} of intermediate tensors at once",
        document.runs,
        time(Duration::from_nanos(document.total_ns)),
        time(Duration::from_nanos(document.nodes_ns)),
        bytes(document.peak_bytes)
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tandem::NodeProfile;

    use super::*;

    fn profile(times: [u64; 2]) -> Profile {
        let node = |(index, &time): (usize, &u64)| NodeProfile {
            name: format!("node{index}"),
            operator: "Add".to_owned(),
            time: Duration::from_nanos(time),
            output_bytes: 4,
        };
        let total = Duration::from_nanos(times.iter().sum::<u64>() + 10);
        Profile { nodes: times.iter().enumerate().map(node).collect(), total, peak_bytes: times[0] }
    }

    #[test]
    fn nodes_are_sorted_by_their_median() {
        let profiles = [profile([5, 20]), profile([90, 30]), profile([6, 25])];
        let document = summarise("m", &profiles, 0);
        let nodes: Vec<_> = document.nodes.iter().map(|node| (node.index, node.median_ns)).collect();
        assert_eq!(nodes, [(1, 25), (0, 6)]);
        assert_eq!((document.nodes_ns, document.total_ns, document.peak_bytes), (31, 41, 90));
        assert_eq!(summarise("m", &profiles, 1).nodes.len(), 1);
    }
}
