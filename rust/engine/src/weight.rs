//! Weights that stay as the file has them until a kernel packs them, or for good.
//!
//! A weight that only convolutions and products read need be no tensor of tract's: our kernels read it once, into an order of
//! their own. Integers are not expanded, and of floats no copy is made. A table of which rows are looked up stays as it is.

use std::borrow::Cow;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tandem_kernels::Packed;
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

/// The values that operators of one kind read as their weights, and nothing else does.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    readers: HashMap<String, Reader>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Convolution,
    Product,
    /// Takes rows of a table.
    Lookup,
}

impl Reader {
    /// The axes of such a weight; `None` where it may have any number.
    fn axes(self) -> Option<usize> {
        match self {
            Self::Convolution => None,
            Self::Product | Self::Lookup => Some(2),
        }
    }

    /// Which of the operator's inputs it is.
    fn place(self) -> usize {
        match self {
            Self::Convolution | Self::Product => 1,
            Self::Lookup => 0,
        }
    }
}

impl Readers {
    pub(crate) fn of(graph: &GraphProto) -> Self {
        let mut readers: HashMap<String, Reader> = HashMap::new();
        for node in &graph.node {
            if let Some((name, reader)) = weight_of(node) {
                readers.insert(name.to_owned(), reader);
            }
        }
        for node in &graph.node {
            let weight = weight_of(node);
            for (index, name) in uses(node).into_iter().enumerate() {
                // Of all that a node uses its inputs come first.
                let own = weight.is_some_and(|(weight, reader)| {
                    (index, name) == (reader.place(), weight) && readers.get(name) == Some(&reader)
                });
                if !own {
                    readers.remove(name);
                }
            }
        }
        for output in &graph.output {
            readers.remove(&output.name);
        }
        Self { readers }
    }

    /// Whether the value of that name, with so many axes, is packed by those who read it.
    pub(crate) fn pack(&self, name: &str, axes: usize) -> bool {
        let packs =
            |reader: &Reader| *reader != Reader::Lookup && reader.axes().is_none_or(|own| own == axes);
        self.readers.get(name).is_some_and(packs)
    }

    /// The constant as a weight, where it is one of these.
    pub(crate) fn weight(&self, tensor: &TensorProto) -> Option<Weight> {
        let reader = self.readers.get(&tensor.name)?;
        if reader.axes().is_some_and(|axes| axes != tensor.dims.len()) {
            return None;
        }
        let fits = cfg!(target_endian = "little")
            && tensor.element_type().is_ok_and(|element| element == DataType::Float32);
        let (shape, raw) = (tensor.shape().ok().filter(|_| fits)?, tensor.to_raw().ok()?);
        let raw = if *reader == Reader::Lookup { at_a_line(raw) } else { raw };
        Some(Weight::new(shape, Elements::Floats(raw)))
    }
}

/// The same bytes from a cache line on: copied once, and not for each plan.
fn at_a_line(bytes: Bytes) -> Bytes {
    struct Memory(Packed);
    impl AsRef<[u8]> for Memory {
        fn as_ref(&self) -> &[u8] {
            self.0.as_bytes()
        }
    }
    if Packed::shared(bytes.clone()).is_some() {
        return bytes;
    }
    let copied = Packed::fill(bytes.len(), |room| {
        room.copy_from_slice(&bytes);
        Ok::<_, Infallible>(())
    });
    copied.map_or(bytes, |packed| Bytes::from_owner(Memory(packed)))
}

/// The weight of an operator.
fn weight_of(node: &NodeProto) -> Option<(&str, Reader)> {
    let reader = match node.op_type.as_str() {
        "Conv" => Reader::Convolution,
        "Gemm" | "MatMul" => Reader::Product,
        "Gather" if node.attribute("axis").is_none_or(|axis| axis.i == 0) => Reader::Lookup,
        _ => return None,
    };
    let [first, second, ..] = node.input.as_slice() else { return None };
    let own = matches!(node.domain.as_str(), "" | "ai.onnx") && first != second;
    let name = &node.input[reader.place()];
    (own && !name.is_empty()).then_some((name, reader))
}
