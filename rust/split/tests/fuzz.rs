//! Damaged models and damaged cuts: a typed error or two halves, never a panic, a hang or a flood of memory.
//!
//! `TANDEM_FUZZ_ROUNDS` sets how many are tried; the seeds are the same every time.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, and a count that is seen")]

use std::collections::BTreeMap;
use std::time::Duration;

use tandem_core::{DType, Dimension};
use tandem_onnx::ModelProto;
use tandem_split::{Affine, Boundary, CrossingTensor, Graph, WireForm, deploy, extract_from};
use tandem_testkit::models::{Suite, catalog};
use tandem_testkit::usage::{peak_memory, timed};
use tandem_testkit::{Random, mutate};

/// No round takes more than milliseconds; what computes this long hangs.
const HANG: Duration = Duration::from_secs(1);
/// What the process may hold at its peak.
const MEMORY: u64 = 128 << 20;

fn rounds() -> u64 {
    std::env::var("TANDEM_FUZZ_ROUNDS").map_or(1000, |text| text.parse().unwrap())
}

fn models() -> Vec<Vec<u8>> {
    let entries = catalog().unwrap().into_iter().filter(|entry| entry.suite() == Suite::Test);
    let files = entries.map(|entry| entry.model().unwrap().encode_bytes().to_vec());
    files.filter(|file| file.len() < 100_000).collect()
}

/// A cut at any values of the graph, mostly stated as they are.
fn boundary(graph: &Graph<'_>, random: &mut Random) -> Boundary {
    let dtypes = [DType::F32, DType::F32, DType::F32, DType::I64, DType::Bool, DType::F16];
    let shapes = [vec![], vec![Dimension::Fixed(3)], vec![Dimension::Symbol("n".into()), Dimension::Unknown]];
    // With the inputs among them, the crossing tensors separate the graph wherever else they lie.
    let inputs = if random.below(4) == 0 { &[][..] } else { &graph.inputs };
    let mut values: Vec<usize> = (0..random.below(4)).map(|_| random.below(graph.values.len())).collect();
    values.extend(inputs);
    values.sort_unstable();
    if random.below(4) > 0 {
        values.dedup();
    }
    let outputs = graph.outputs.iter().filter(|output| values.contains(output) || random.below(8) == 0);
    let head_outputs = outputs.map(|&output| graph.values[output].name.to_owned()).collect();
    let crossing = values.iter().filter_map(|&value| {
        let name = graph.values.get(value)?.name.to_owned();
        let depends_on = graph.depends_on(value).into_iter().map(str::to_owned).collect();
        let (dtype, shape) = (dtypes[random.below(dtypes.len())], shapes[random.below(3)].clone());
        Some(CrossingTensor { name, dtype, shape, depends_on })
    });
    Boundary { crossing: crossing.collect(), head_outputs }
}

fn form(random: &mut Random) -> WireForm {
    match random.below(5) {
        0 => WireForm::F16,
        1 => WireForm::U8PerRequest,
        2 => WireForm::U8(Affine::per_tensor(0.5, 3.0)),
        3 => WireForm::U8(Affine::per_channel(0, vec![0.5; 3], vec![1.0; 3])),
        _ => WireForm::Native,
    }
}

#[test]
fn damaged_models_and_odd_cuts_are_refused_or_taken_apart() {
    let models = models();
    let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..rounds() {
        let good = &models[usize::try_from(seed).unwrap() % models.len()];
        let file = if seed % 3 == 0 { good.clone() } else { mutate(good, seed) };
        let mut random = Random::new(seed);
        let (outcome, time) = timed(|| match ModelProto::decode_bytes(file.into()) {
            Err(_) => "no model",
            Ok(model) => match Graph::new(&model) {
                Err(_) => "no graph",
                Ok(graph) => {
                    let boundary = boundary(&graph, &mut random);
                    match extract_from(&graph, &boundary) {
                        Err(_) => "no cut",
                        Ok(halves) => {
                            let forms: Vec<_> = boundary.crossing.iter().map(|_| form(&mut random)).collect();
                            let deployed = deploy(&halves.tail, &boundary, &forms);
                            // A half is a graph again: every value that it takes, it gives.
                            Graph::new(&halves.tail).unwrap();
                            halves.head.iter().for_each(|head| drop(Graph::new(head).unwrap()));
                            match deployed {
                                Ok(deployed) => {
                                    Graph::new(&deployed).unwrap();
                                    "deployed"
                                }
                                Err(_) => "no form",
                            }
                        }
                    }
                }
            },
        });
        *outcomes.entry(outcome).or_default() += 1;
        assert!(time < HANG, "seed {seed} took {time:?}");
    }
    let peak = peak_memory();
    println!("{outcomes:?}, {peak:?} bytes at the peak");
    assert!(peak.is_none_or(|peak| peak < MEMORY), "{peak:?} bytes at the peak");
    for reached in ["no model", "no cut", "deployed"] {
        assert!(outcomes.contains_key(reached), "{outcomes:?}");
    }
}
