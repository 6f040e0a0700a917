//! Operators whose output shape depends on the values of an input: axes, sizes, splits, repeats, target
//! shapes, all given at run time.
//!
//! Operators that want such a value as a scalar (`Range`, `CumSum`) are left out: Triton carries no scalars.

use tandem_core::{Tensor, TensorError};
use tandem_onnx::DataType::{Float32, Int64};
use tandem_onnx::{BuildError, DataType, Dim, GraphBuilder, ModelBuilder, ModelProto};

/// One operator with all its inputs open.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Name of the model.
    pub name: &'static str,
    operator: &'static str,
    opset: i64,
    inputs: &'static [Input],
    /// Element type and rank.
    outputs: &'static [(DataType, usize)],
}

#[derive(Clone, Copy, Debug)]
enum Input {
    /// f32 of this shape.
    Data(&'static [usize]),
    /// i64, one dimension, with values to try.
    Integers(&'static str, &'static [i64]),
    /// An optional input that is left out.
    Absent,
}

use Input::{Absent, Data, Integers};

/// Every case.
pub const CASES: &[Case] = &[
    case("reshape", "Reshape", 17, &[Data(&[2, 6]), Integers("shape", &[3, -1])], &[(Float32, 2)]),
    case("expand", "Expand", 17, &[Data(&[3, 1]), Integers("shape", &[2, 3, 4])], &[(Float32, 3)]),
    case("tile", "Tile", 17, &[Data(&[2, 3]), Integers("repeats", &[2, 3])], &[(Float32, 2)]),
    case(
        "slice",
        "Slice",
        17,
        &[
            Data(&[4, 6]),
            Integers("starts", &[1, -1]),
            Integers("ends", &[3, 0]),
            Integers("axes", &[0, 1]),
            Integers("steps", &[1, -2]),
        ],
        &[(Float32, 2)],
    ),
    case("pad", "Pad", 17, &[Data(&[2, 3]), Integers("pads", &[1, 0, 0, 2])], &[(Float32, 2)]),
    case("unsqueeze", "Unsqueeze", 17, &[Data(&[2, 3]), Integers("axes", &[0, -1])], &[(Float32, 4)]),
    case("squeeze", "Squeeze", 17, &[Data(&[1, 3, 1]), Integers("axes", &[0])], &[(Float32, 2)]),
    case("reduce_sum", "ReduceSum", 17, &[Data(&[2, 3, 4]), Integers("axes", &[1])], &[(Float32, 3)]),
    case("reduce_mean", "ReduceMean", 18, &[Data(&[2, 3, 4]), Integers("axes", &[0, 2])], &[(Float32, 3)]),
    case("split", "Split", 17, &[Data(&[5, 2]), Integers("split", &[2, 3])], &[(Float32, 2), (Float32, 2)]),
    case(
        "resize",
        "Resize",
        17,
        &[Data(&[1, 2, 3, 4]), Absent, Absent, Integers("sizes", &[1, 2, 6, 8])],
        &[(Float32, 4)],
    ),
    case("top_k", "TopK", 17, &[Data(&[3, 5]), Integers("k", &[2])], &[(Float32, 2), (Int64, 2)]),
    case("constant_of_shape", "ConstantOfShape", 17, &[Integers("shape", &[2, 3])], &[(Float32, 2)]),
    case(
        "one_hot",
        "OneHot",
        17,
        &[Integers("indices", &[0, 2, -1]), Integers("depth", &[4]), Integers("values", &[0, 1])],
        &[(Int64, 2)],
    ),
];

const fn case(
    name: &'static str,
    operator: &'static str,
    opset: i64,
    inputs: &'static [Input],
    outputs: &'static [(DataType, usize)],
) -> Case {
    Case { name, operator, opset, inputs, outputs }
}

impl Case {
    /// The model: data comes in as `x`, results leave as `y0`, `y1`.
    pub fn model(&self) -> Result<ModelProto, BuildError> {
        let mut graph = GraphBuilder::new(self.name);
        let mut names = Vec::new();
        for input in self.inputs {
            names.push(match *input {
                Data(shape) => {
                    graph.input("x", Float32, shape.iter().copied());
                    "x"
                }
                Integers(name, values) => {
                    graph.input(name, Int64, [values.len()]);
                    name
                }
                Absent => "",
            });
        }
        let outputs: Vec<String> = (0..self.outputs.len()).map(|index| format!("y{index}")).collect();
        for (name, &(data_type, rank)) in outputs.iter().zip(self.outputs) {
            graph.output(name, data_type, vec![Dim::Unknown; rank]);
        }
        graph.node(self.operator, names, outputs);
        ModelBuilder::new(graph).opset(self.opset).build()
    }

    /// Values to try for the inputs that are no plain data.
    pub fn given(&self) -> Result<Vec<(&'static str, Tensor)>, TensorError> {
        let tensor = |input: &Input| match *input {
            Integers(name, values) => Some((name, values)),
            Data(_) | Absent => None,
        };
        self.inputs
            .iter()
            .filter_map(tensor)
            .map(|(name, values)| Ok((name, Tensor::from_vec([values.len()], values.to_vec())?)))
            .collect()
    }
}
