//! Recurrent layers.

use proptest::prelude::*;
use tandem_kernels::{
    InstructionSet, Recurrent, RecurrentCell, RecurrentDirection, RecurrentOutputs, RecurrentShape,
    RecurrentStart, RecurrentWeights,
};

use crate::values::{Sum, Unaligned, cases, difference, numbers, restored, same, same_on_threads};

const CELLS: [RecurrentCell; 3] = [
    RecurrentCell::Lstm,
    RecurrentCell::Gru { reset_after: false },
    RecurrentCell::Gru { reset_after: true },
];
const DIRECTIONS: [RecurrentDirection; 3] =
    [RecurrentDirection::Forward, RecurrentDirection::Reverse, RecurrentDirection::Both];

/// A layer's numbers. The weights are small enough that no error grows from step to step.
struct Layer {
    shape: RecurrentShape,
    input: Vec<f32>,
    recurrent: Vec<f32>,
    bias: Option<Vec<f32>>,
}

impl Layer {
    fn new(shape: RecurrentShape, with_bias: bool, seed: u64) -> Self {
        let RecurrentShape { cell, direction, inputs, hidden } = shape;
        let sums = direction.count() * cell.gates() * hidden;
        let scaled = |count: usize, seed: u64, by: usize| -> Vec<f32> {
            numbers(count, seed).iter().map(|x| x / (by as f32).sqrt()).collect()
        };
        Self {
            shape,
            input: scaled(sums * inputs, seed, inputs),
            recurrent: scaled(sums * hidden, seed + 1, hidden),
            bias: with_bias.then(|| numbers(2 * sums, seed + 2)),
        }
    }

    fn build(&self, set: InstructionSet) -> Recurrent {
        let weights =
            RecurrentWeights { input: &self.input, recurrent: &self.recurrent, bias: self.bias.as_deref() };
        Recurrent::new(set, self.shape, weights).unwrap()
    }

    /// The scalar twin: states of all steps, the last state, and the last state of an LSTM's cells.
    fn reference(&self, [steps, batch]: [usize; 2], x: &[f32], start: [Option<&[f32]>; 2]) -> [Vec<Sum>; 3] {
        let RecurrentShape { cell, direction, inputs, hidden } = self.shape;
        let (directions, gates) = (direction.count(), cell.gates());
        let nought = Sum { value: 0.0, size: 1.0 };
        let mut all = vec![nought; steps * directions * batch * hidden];
        let mut ends = [(); 2].map(|()| vec![nought; directions * batch * hidden]);
        for d in 0..directions {
            for row in 0..batch {
                let at = (d * batch + row) * hidden;
                let [mut h, mut c] = start.map(|start| -> Vec<f64> {
                    (0..hidden).map(|unit| start.map_or(0.0, |start| f64::from(start[at + unit]))).collect()
                });
                for count in 0..steps {
                    let backward = direction == RecurrentDirection::Reverse || d == 1;
                    let step = if backward { steps - 1 - count } else { count };
                    let x = &x[(step * batch + row) * inputs..][..inputs];
                    (h, c) = self.step(d, x, &h, &c);
                    let to = ((step * directions + d) * batch + row) * hidden;
                    all[to..][..hidden].iter_mut().zip(&h).for_each(|(to, h)| to.value = *h);
                }
                for (end, state) in ends.iter_mut().zip([&h, &c]) {
                    end[at..][..hidden].iter_mut().zip(state).for_each(|(to, state)| to.value = *state);
                }
            }
        }
        assert_eq!(gates * directions * hidden * inputs, self.input.len());
        let [hidden, cells] = ends;
        [all, hidden, cells]
    }

    fn step(&self, d: usize, x: &[f32], h: &[f64], c: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let RecurrentShape { cell, inputs, hidden, .. } = self.shape;
        let gates = cell.gates();
        let bias = |index: usize| {
            self.bias.as_ref().map_or(0.0, |bias| f64::from(bias[d * 2 * gates * hidden + index]))
        };
        let input = |gate: usize, unit: usize| {
            let row = (d * gates + gate) * hidden + unit;
            let terms = self.input[row * inputs..][..inputs].iter().zip(x);
            bias(gate * hidden + unit) + terms.map(|(w, x)| f64::from(*w) * f64::from(*x)).sum::<f64>()
        };
        let state = |gate: usize, unit: usize, h: &[f64]| {
            let row = (d * gates + gate) * hidden + unit;
            let terms = self.recurrent[row * hidden..][..hidden].iter().zip(h);
            bias((gates + gate) * hidden + unit) + terms.map(|(r, h)| f64::from(*r) * h).sum::<f64>()
        };
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let open = |gate: usize, unit: usize| sigmoid(input(gate, unit) + state(gate, unit, h));
        match cell {
            RecurrentCell::Lstm => {
                let cells: Vec<f64> = (0..hidden)
                    .map(|unit| {
                        let new = (input(3, unit) + state(3, unit, h)).tanh();
                        open(2, unit) * c[unit] + open(0, unit) * new
                    })
                    .collect();
                let states = (0..hidden).map(|unit| open(1, unit) * cells[unit].tanh()).collect();
                (states, cells)
            }
            RecurrentCell::Gru { reset_after } => {
                let reset: Vec<f64> = (0..hidden).map(|unit| open(1, unit) * h[unit]).collect();
                let states = (0..hidden).map(|unit| {
                    let sum =
                        if reset_after { open(1, unit) * state(2, unit, h) } else { state(2, unit, &reset) };
                    let new = (input(2, unit) + sum).tanh();
                    let update = open(0, unit);
                    (1.0 - update) * new + update * h[unit]
                });
                (states.collect(), c.to_vec())
            }
        }
    }
}

fn check(layer: &Layer, [steps, batch]: [usize; 2], with_start: bool, wanted: [bool; 3], seed: u64) {
    let RecurrentShape { cell, direction, inputs, hidden } = layer.shape;
    let is_lstm = cell == RecurrentCell::Lstm;
    let states = direction.count() * batch * hidden;
    let x = numbers(steps * batch * inputs, seed + 3);
    let first = [numbers(states, seed + 4), numbers(states, seed + 5)];
    let first = [with_start.then_some(&first[0][..]), (with_start && is_lstm).then_some(&first[1][..])];
    let start = RecurrentStart { hidden: first[0], cell: first[1] };
    let expected = layer.reference([steps, batch], &x, first);
    let wanted = [wanted[0], wanted[1], wanted[2] && is_lstm];
    let lengths = [steps * states, states, states];
    for set in InstructionSet::available() {
        let built = layer.build(set);
        let mut x = Unaligned::new(&x);
        let x = &*x.get();
        // All results in one slice, one behind the other.
        let run = |layer: &Recurrent, out: &mut [f32]| {
            let mut rest = out;
            let mut parts = [None, None, None];
            for ((part, wanted), length) in parts.iter_mut().zip(wanted).zip(lengths) {
                let (own, others) = rest.split_at_mut(if wanted { length } else { 0 });
                rest = others;
                *part = wanted.then_some(own);
            }
            let [steps_out, hidden, cell] = parts;
            let out = RecurrentOutputs { steps: steps_out, hidden, cell };
            layer.run([steps, batch], x, start, out).unwrap();
        };
        let expected: Vec<Sum> = expected
            .iter()
            .zip(wanted)
            .filter(|(_, wanted)| *wanted)
            .flat_map(|(sums, _)| sums.clone())
            .collect();
        let mut out = Unaligned::new(&vec![f32::NAN; expected.len()]);
        run(&built, out.get());
        same_on_threads(out.get(), |out| run(&built, out));
        let again = restored(&built);
        same(out.get(), |out| run(&again, out));
        let different = difference(out.get(), &expected, 1e-5);
        assert_eq!(different, None, "{set}: {:?}, {steps} steps of {batch}", layer.shape);
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn layers(
        cell in 0_usize..3,
        direction in 0_usize..3,
        sizes in [1_usize..40, 1_usize..70],
        runs in [0_usize..8, 0_usize..9],
        wanted: [bool; 3],
        with_bias: bool,
        with_start: bool,
        seed in 0_u64..1000,
    ) {
        let shape = RecurrentShape {
            cell: CELLS[cell],
            direction: DIRECTIONS[direction],
            inputs: sizes[0],
            hidden: sizes[1],
        };
        check(&Layer::new(shape, with_bias, seed), runs, with_start, wanted, seed);
    }
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn long_sequences_stay_exact() {
    for cell in CELLS {
        for hidden in [100, 128] {
            let shape = RecurrentShape { cell, direction: RecurrentDirection::Both, inputs: 96, hidden };
            check(&Layer::new(shape, true, 11), [100, 1], true, [true; 3], 11);
        }
    }
}

/// A unit that is told what its gates are: by the inputs alone.
fn gated(cell: RecurrentCell, gates: &[f32], start: RecurrentStart<'_>) -> [f32; 2] {
    let shape = RecurrentShape { cell, direction: RecurrentDirection::Forward, inputs: 1, hidden: 1 };
    let weights = RecurrentWeights { input: gates, recurrent: &vec![0.0; gates.len()], bias: None };
    let (mut hidden, mut cells) = ([f32::NAN], [f32::NAN]);
    let layer = Recurrent::new(InstructionSet::best(), shape, weights).unwrap();
    let cell = (cell == RecurrentCell::Lstm).then_some(&mut cells[..]);
    let out = RecurrentOutputs { steps: None, hidden: Some(&mut hidden), cell };
    layer.run([1, 1], &[1.0], start, out).unwrap();
    [hidden[0], cells[0]]
}

#[test]
fn its_curves_are_exact_over_their_whole_range() {
    let near = |got: f32, expected: f64, at: f32| {
        let apart = (f64::from(got) - expected).abs();
        assert!(apart <= 1e-6 * expected.abs() + 1e-30, "{got}, expected {expected} at {at}");
    };
    for index in -4001..=4001 {
        let x = index as f32 / 200.0;
        let start = RecurrentStart::default();
        // Updates wide open: the state is what is new.
        for reset_after in [false, true] {
            let [state, _] = gated(RecurrentCell::Gru { reset_after }, &[-200.0, 0.0, x], start);
            near(state, f64::from(x).tanh(), x);
        }
        let [state, cell] = gated(RecurrentCell::Lstm, &[200.0, 200.0, -200.0, x], start);
        near(cell, f64::from(x).tanh(), x);
        near(state, f64::from(x).tanh().tanh(), x);
        let start = RecurrentStart { hidden: None, cell: Some(&[1.0]) };
        let [_, cell] = gated(RecurrentCell::Lstm, &[0.0, 0.0, x, 0.0], start);
        near(cell, 1.0 / (1.0 + (-f64::from(x)).exp()), x);
        let [_, cell] = gated(RecurrentCell::Lstm, &[x, 0.0, -200.0, 200.0], start);
        near(cell, 1.0 / (1.0 + (-f64::from(x)).exp()), x);
    }
}

#[test]
fn numbers_that_are_none_reach_the_state_and_no_other_sequence() {
    for cell in CELLS {
        let shape = RecurrentShape { cell, direction: RecurrentDirection::Forward, inputs: 2, hidden: 3 };
        let layer = Layer::new(shape, true, 5);
        for set in InstructionSet::available() {
            let mut states = vec![0.0; 2 * 2 * 3];
            let x = [0.1, 0.2, f32::NAN, 0.2, 0.3, 0.1, f32::INFINITY, 0.1];
            let out = RecurrentOutputs { steps: Some(&mut states), ..RecurrentOutputs::default() };
            layer.build(set).run([2, 2], &x, RecurrentStart::default(), out).unwrap();
            let none: Vec<bool> = states.iter().map(|state| state.is_nan()).collect();
            let expected = [[false; 3], [true; 3], [false; 3], [true; 3]].concat();
            assert_eq!(none, expected, "{set} {cell:?}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let set = InstructionSet::best();
    let shape = RecurrentShape {
        cell: RecurrentCell::Gru { reset_after: true },
        direction: RecurrentDirection::Both,
        inputs: 2,
        hidden: 3,
    };
    let build = |shape: RecurrentShape, lengths: [usize; 3]| {
        let [input, recurrent, bias] = lengths.map(|length| vec![0.0; length]);
        let weights = RecurrentWeights { input: &input, recurrent: &recurrent, bias: Some(&bias) };
        Recurrent::new(set, shape, weights).map_err(|error| error.to_string())
    };
    let refused = |shape, lengths| build(shape, lengths).err().unwrap_or_default();
    assert_eq!(refused(shape, [35, 54, 36]), "input weights has 35 elements, expected 36");
    assert_eq!(refused(shape, [36, 53, 36]), "recurrent weights has 53 elements, expected 54");
    assert_eq!(refused(shape, [36, 54, 18]), "bias has 18 elements, expected 36");
    let empty = RecurrentShape { hidden: 0, ..shape };
    assert_eq!(refused(empty, [0, 0, 0]), "inputs and units is 2 and 0, both must be at least 1");
    let huge = RecurrentShape { hidden: usize::MAX / 2, ..shape };
    assert_eq!(refused(huge, [0, 0, 0]), "the size of the gates overflows");
    let layer = build(shape, [36, 54, 36]).unwrap();
    let run = |x: usize, hidden: usize, cell: Option<usize>, out: [usize; 2]| {
        let (x, hidden) = (vec![0.0; x], vec![0.0; hidden]);
        let cell = cell.map(|length| vec![0.0; length]);
        let [mut steps, mut last] = out.map(|length| vec![0.0; length]);
        let start = RecurrentStart { hidden: Some(&hidden), cell: cell.as_deref() };
        let out = RecurrentOutputs { steps: Some(&mut steps), hidden: Some(&mut last), cell: None };
        layer.run([4, 1], &x, start, out).err().map_or_else(String::new, |error| error.to_string())
    };
    assert_eq!(run(8, 6, None, [24, 6]), "");
    assert_eq!(run(7, 6, None, [24, 6]), "x has 7 elements, expected 8");
    assert_eq!(run(8, 5, None, [24, 6]), "the first state has 5 elements, expected 6");
    assert_eq!(run(8, 6, None, [23, 6]), "the states has 23 elements, expected 24");
    assert_eq!(run(8, 6, None, [24, 7]), "the last state has 7 elements, expected 6");
    assert_eq!(run(8, 6, Some(6), [24, 6]), "the cell's state is there, only an LSTM has one");
}
