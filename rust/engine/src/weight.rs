//! Weights that stay as the file has them until a kernel packs them.
//!
//! A weight that only convolutions and products read need be no tensor of tract's: our kernels read it once, into an order of
//! their own. Integers are not expanded, and of floats no copy is made.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tandem_onnx::{DataType, GraphProto, NodeProto, TensorProto};
use tract_onnx::tract_hir::internal::*;

use crate::graph::uses;
use crate::integers::IntegerConstant;

/// A weight as an operator without inputs, whose result is of `f32`.
#[derive(Clone, Debug)]
pub(crate) struct Weight {
    shape: Vec<usize>,
    /// Gone when the last node that reads it was made.
    elements: Arc<Mutex<Option<Elements>>>,
}

/// What a weight is in the file.
#[derive(Clone, Debug)]
pub(crate) enum Elements {
    /// Of `f32`, in native order, of any alignment.
    Floats(Bytes),
    Integers(Arc<IntegerConstant>),
}

impl Elements {
    pub(crate) fn floats(&self) -> Cow<'_, [f32]> {
        match self {
            Self::Floats(bytes) => bytemuck::try_cast_slice(bytes).map_or_else(
                |_| Cow::Owned(bytes.chunks_exact(4).map(bytemuck::pod_read_unaligned).collect()),
                Cow::Borrowed,
            ),
            Self::Integers(integers) => Cow::Owned(integers.expand()),
        }
    }
}

impl Weight {
    pub(crate) fn new(shape: Vec<usize>, elements: Elements) -> Self {
        Self { shape, elements: Arc::new(Mutex::new(Some(elements))) }
    }

    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// `None` where it was let go of.
    pub(crate) fn elements(&self) -> Option<Elements> {
        self.elements.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets go of the elements, in every graph that has this weight.
    pub(crate) fn release(&self) {
        *self.elements.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// As a tensor of tract's.
    pub(crate) fn tensor(&self) -> TractResult<Tensor> {
        let elements = self.elements().context("a weight that was let go of")?;
        Tensor::from_shape(&self.shape, &elements.floats())
    }
}

impl PartialEq for Weight {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.elements, &other.elements)
    }
}

impl Eq for Weight {}

impl Op for Weight {
    fn name(&self) -> StaticName {
        "Tandem.Weight".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Weight {
    fn eval(&self, _context: &EvalContext, _inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        Ok(tvec!(self.tensor()?.into_tvalue()))
    }

    // Or tract would make a constant of it.
    not_out_of_plan!();
}

impl TypedOp for Weight {
    fn output_facts(&self, _inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&self.shape)))
    }

    as_op!();
}

impl InferenceRulesOp for Weight {
    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 0)?;
        check_output_arity(outputs, 1)?;
        solver.equals(&outputs[0].datum_type, f32::datum_type())?;
        solver.equals(&outputs[0].shape, ShapeFactoid::from(self.shape.clone()))
    }

    as_op!();
    to_typed!();
}

/// The values that convolutions and products read as their weights, and nothing else does.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    /// By name, the axes that such a weight has; none where it may have any number.
    axes: HashMap<String, Option<usize>>,
}

impl Readers {
    pub(crate) fn of(graph: &GraphProto) -> Self {
        let mut found: HashMap<String, Option<usize>> = HashMap::new();
        for node in &graph.node {
            if let Some((name, axes)) = weight_of(node) {
                found.insert(name.to_owned(), axes);
            }
        }
        for node in &graph.node {
            let weight = weight_of(node);
            for (index, name) in uses(node).into_iter().enumerate() {
                // Of all that a node uses its inputs come first.
                if weight
                    .is_none_or(|weight| (index, name) != (1, weight.0) || found.get(name) != Some(&weight.1))
                {
                    found.remove(name);
                }
            }
        }
        for output in &graph.output {
            found.remove(&output.name);
        }
        Self { axes: found }
    }

    /// Whether the value of that name, with so many axes, is such a weight.
    pub(crate) fn have(&self, name: &str, axes: usize) -> bool {
        self.axes.get(name).is_some_and(|own| own.is_none_or(|own| own == axes))
    }
}

/// The weight of a convolution or product, and its axes.
fn weight_of(node: &NodeProto) -> Option<(&str, Option<usize>)> {
    let axes = match node.op_type.as_str() {
        "Conv" => None,
        "Gemm" | "MatMul" => Some(2),
        _ => return None,
    };
    let own = matches!(node.domain.as_str(), "" | "ai.onnx");
    let name = node.input.get(1).filter(|name| own && !name.is_empty() && node.input[0] != **name)?;
    Some((name, axes))
}

/// A constant as a weight; `None` where it is none of `f32`.
pub(crate) fn of_constant(tensor: &TensorProto) -> Option<Weight> {
    let fits = cfg!(target_endian = "little")
        && tensor.element_type().is_ok_and(|element| element == DataType::Float32);
    let (shape, raw) = (tensor.shape().ok()?, tensor.to_raw().ok()?);
    fits.then(|| Weight::new(shape, Elements::Floats(raw)))
}
