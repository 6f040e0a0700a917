//! Recurrent layers.

use proptest::prelude::*;
use tandem_core::{Control, NamedTensors, Tensor};
use tandem_onnx::{DataType, Dim, GraphBuilder, ModelProto, dims};
use tandem_testkit::Random;
use tandem_testkit::models::random_inputs;
use tandem_testkit::models::tagger::{TaggerConfig, tagger};

use crate::compare::{answers_from_cache, cases, difference, load, model, operators};

/// A layer as ONNX has it. `x` is given at run time, weights are constants.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "what a layer may have, in any combination")]
struct Layer {
    operator: &'static str,
    reset_after: bool,
    direction: &'static str,
    batch_first: bool,
    inputs: usize,
    hidden: usize,
    bias: bool,
    /// Whether the states before the first step are given at run time.
    start: bool,
    /// Whether the states of all steps, the last, and the cells' last are asked for.
    wanted: [bool; 3],
    /// Whether an LSTM looks at its cells.
    peepholes: bool,
}

const LSTM: Layer = Layer {
    operator: "LSTM",
    reset_after: false,
    direction: "forward",
    batch_first: false,
    inputs: 3,
    hidden: 5,
    bias: true,
    start: false,
    wanted: [true; 3],
    peepholes: false,
};

impl Layer {
    fn directions(&self) -> usize {
        1 + usize::from(self.direction == "bidirectional")
    }

    fn gates(&self) -> usize {
        if self.operator == "LSTM" { 4 } else { 3 }
    }

    fn build(&self, graph: &mut GraphBuilder) {
        let Self { inputs, hidden, .. } = *self;
        let (directions, sums) = (self.directions(), self.gates() * hidden);
        let mut random = Random::new(3);
        let mut constant = |graph: &mut GraphBuilder, name: &str, shape: &[usize]| {
            graph.initializer(name, shape, &random.floats(shape.iter().product(), 0.5));
            name.to_owned()
        };
        graph.input("x", DataType::Float32, dims!["first", "second", inputs]);
        let mut names = vec![
            "x".to_owned(),
            constant(graph, "w", &[directions, sums, inputs]),
            constant(graph, "r", &[directions, sums, hidden]),
            if self.bias { constant(graph, "b", &[directions, 2 * sums]) } else { String::new() },
            String::new(),
        ];
        let lstm = self.operator == "LSTM";
        for state in ["h0", "c0"].into_iter().filter(|state| *state == "h0" || lstm) {
            if self.start {
                let shape = self.state_dims();
                graph.input(state, DataType::Float32, shape);
                names.push(state.to_owned());
            } else {
                names.push(String::new());
            }
        }
        if self.peepholes {
            names.push(constant(graph, "p", &[directions, 3 * hidden]));
        }
        let wanted = [self.wanted[0], self.wanted[1], self.wanted[2] && lstm];
        let mut outputs = Vec::new();
        for ((name, rank), wanted) in [("y", 4), ("y_h", 3), ("y_c", 3)].into_iter().zip(wanted) {
            outputs.push(if wanted { name } else { "" });
            if wanted {
                graph.output(name, DataType::Float32, vec![Dim::Unknown; rank]);
            }
        }
        let mut node = graph
            .node(self.operator, names, outputs)
            .name("layer")
            .attr("hidden_size", i64::try_from(hidden).unwrap())
            .attr("direction", self.direction);
        if self.batch_first {
            node = node.attr("layout", 1_i64);
        }
        if self.reset_after {
            node.attr("linear_before_reset", 1_i64);
        }
    }

    fn state_dims(&self) -> [Dim; 3] {
        let (batch, directions) = (Dim::from("batch"), Dim::from(self.directions()));
        let hidden = Dim::from(self.hidden);
        if self.batch_first { [batch, directions, hidden] } else { [directions, batch, hidden] }
    }

    fn model(&self) -> ModelProto {
        model(|graph| self.build(graph))
    }

    /// Inputs for so many steps of so many sequences.
    fn inputs(&self, model: &ModelProto, steps: usize, batch: usize) -> NamedTensors {
        let mut random = Random::new(9);
        let mut tensor =
            |shape: [usize; 3]| Tensor::from_vec(shape, random.floats(shape.iter().product(), 1.0)).unwrap();
        let state = if self.batch_first {
            [batch, self.directions(), self.hidden]
        } else {
            [self.directions(), batch, self.hidden]
        };
        let x = if self.batch_first { [batch, steps, self.inputs] } else { [steps, batch, self.inputs] };
        let given = [("x", tensor(x)), ("h0", tensor(state)), ("c0", tensor(state))];
        random_inputs(model, &given, 1).unwrap()
    }
}

fn layers() -> impl Strategy<Value = Layer> {
    let kinds = prop_oneof![Just(("LSTM", false)), Just(("GRU", false)), Just(("GRU", true))];
    let directions = prop_oneof![Just("forward"), Just("reverse"), Just("bidirectional")];
    let sizes = (1_usize..20, 1_usize..40);
    (kinds, directions, any::<bool>(), sizes, any::<(bool, bool)>(), any::<[bool; 3]>()).prop_map(
        |((operator, reset_after), direction, batch_first, (inputs, hidden), (bias, start), wanted)| {
            let wanted = if wanted[0] || wanted[1] { wanted } else { [true, wanted[1], wanted[2]] };
            // tract joins the directions of a batch that comes first along the wrong axis.
            let batch_first = batch_first && direction != "bidirectional";
            Layer {
                operator,
                reset_after,
                direction,
                batch_first,
                inputs,
                hidden,
                bias,
                start,
                wanted,
                peepholes: false,
            }
        },
    )
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn layers_answer_as_tract_does(layer in layers(), steps in 1_usize..9, batch in 1_usize..8) {
        let model = layer.model();
        let inputs = layer.inputs(&model, steps, batch);
        // tract fails in its loop over some of them, with one unit and several sequences for example.
        prop_assume!(load(&model, false).run(&inputs, &[], &Control::default()).is_ok());
        prop_assert_eq!(difference(&model, &inputs), None, "{:?}", layer);
        let expected = [(layer.operator.to_owned(), 1)].into();
        prop_assert_eq!(operators(&model, &inputs), expected, "{:?}", layer);
        prop_assert!(answers_from_cache(&model, &inputs), "{:?}", layer);
    }
}

/// The values of a result, and its shape.
fn result(model: &ModelProto, inputs: &NamedTensors, name: &str) -> (Vec<usize>, Vec<f32>) {
    let outputs = load(model, true).run(inputs, &[], &Control::default()).unwrap();
    let tensor = outputs.get(name).unwrap();
    (tensor.shape().to_vec(), tensor.to_vec::<f32>().unwrap())
}

#[test]
fn both_directions_of_a_batch_that_comes_first() {
    let (steps, batch) = (4, 3);
    for operator in ["LSTM", "GRU"] {
        let steps_first = Layer { operator, direction: "bidirectional", ..LSTM };
        let batch_first = Layer { batch_first: true, ..steps_first.clone() };
        let (model, turned) = (steps_first.model(), batch_first.model());
        let x: Vec<f32> = Random::new(4).floats(steps * batch * 3, 1.0);
        let x_turned: Vec<f32> = (0..batch)
            .flat_map(|row| (0..steps).map(move |step| (step * batch + row) * 3))
            .flat_map(|at| x[at..at + 3].to_vec())
            .collect();
        let named = |shape: [usize; 3], values: Vec<f32>| {
            NamedTensors::new([("x", Tensor::from_vec(shape, values).unwrap())]).unwrap()
        };
        let inputs = named([steps, batch, 3], x);
        let inputs_turned = named([batch, steps, 3], x_turned);
        assert_eq!(difference(&model, &inputs), None);
        // `[steps][directions][batch][hidden]` and `[batch][steps][directions][hidden]`.
        let (shape, expected) = result(&model, &inputs, "y");
        assert_eq!(shape, [steps, 2, batch, 5]);
        let (shape, got) = result(&turned, &inputs_turned, "y");
        assert_eq!(shape, [batch, steps, 2, 5]);
        for row in 0..batch {
            for line in 0..steps * 2 {
                let expected = &expected[(line * batch + row) * 5..][..5];
                assert_eq!(&got[(row * steps * 2 + line) * 5..][..5], expected);
            }
        }
        let (_, expected) = result(&model, &inputs, "y_h");
        let (shape, got) = result(&turned, &inputs_turned, "y_h");
        assert_eq!(shape, [batch, 2, 5]);
        for row in 0..batch {
            for direction in 0..2 {
                let expected = &expected[(direction * batch + row) * 5..][..5];
                assert_eq!(&got[(row * 2 + direction) * 5..][..5], expected);
            }
        }
    }
}

#[test]
fn what_is_not_ours_stays_with_tract() {
    let peepholes = Layer { peepholes: true, start: true, ..LSTM };
    let model = peepholes.model();
    let inputs = peepholes.inputs(&model, 3, 2);
    assert_eq!(difference(&model, &inputs), None);
    assert_eq!(operators(&model, &inputs).get("LSTM"), None);
}

#[test]
fn weights_that_are_inputs_stay_with_tract() {
    let model = model(|graph| {
        graph
            .input("x", DataType::Float32, dims!["steps", "batch", 2])
            .input("w", DataType::Float32, dims![1, 9, 2])
            .initializer("r", &[1, 9, 3], &Random::new(1).floats(27, 0.5));
        graph.node("GRU", ["x", "w", "r"], ["y"]).attr("hidden_size", 3_i64);
        graph.output("y", DataType::Float32, vec![Dim::Unknown; 4]);
    });
    let inputs = random_inputs(&model, &[], 1).unwrap();
    assert_eq!(difference(&model, &inputs), None);
    assert_eq!(operators(&model, &inputs).get("GRU"), None);
}

#[test]
fn a_model_answers_for_texts_of_any_length() {
    let model = tagger(&TaggerConfig::small()).unwrap();
    let ours = load(&model, true);
    for tokens in [1, 2, 7, 19] {
        let ids = (0_i64..).map(|index| index * 31 % 100).take(2 * tokens).collect();
        let ids = Tensor::from_vec([2, tokens], ids).unwrap();
        let inputs = NamedTensors::new([("input_ids", ids)]).unwrap();
        assert_eq!(difference(&model, &inputs), None);
        // The plan of one length does not disturb that of another.
        let outputs = ours.run(&inputs, &[], &Control::default()).unwrap();
        let expected = result(&model, &inputs, "tags");
        assert_eq!(outputs.get("tags").unwrap().to_vec::<f32>().unwrap(), expected.1);
    }
}

#[test]
fn all_of_a_tagger_is_ours() {
    let model = tagger(&TaggerConfig::small()).unwrap();
    let inputs = random_inputs(&model, &[], 1).unwrap();
    let expected = [("Gather", 1), ("LSTM", 1), ("GRU", 1), ("MatMul", 1), ("Softmax", 1)];
    let expected = expected.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    assert_eq!(operators(&model, &inputs), expected);
}
