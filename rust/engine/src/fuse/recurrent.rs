//! `LSTM` and `GRU`, which tract has as a loop over a small graph of its own.
//!
//! They are recognised as ONNX's nodes, before tract unfolds them, where weights are constant and all sequences of a batch have one
//! length; else they are left to tract. Plans of one model for different shapes share the packed weights.

use std::sync::{Mutex, PoisonError};

use tandem_kernels::{
    InstructionSet, KernelError, Recurrent, RecurrentCell, RecurrentDirection, RecurrentOutputs,
    RecurrentShape, RecurrentStart, RecurrentWeights, Restorer, Save, Saver,
};
use tract_core::ops::Cost;
use tract_onnx::model::{OnnxOpRegister, ParsingContext};
use tract_onnx::ops::rec::common::CommonRec;
use tract_onnx::ops::rec::{gru, lstm};
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::pattern::{constant, floats};
use super::storage::Storage;

type Built = (Box<dyn InferenceOp>, Vec<String>);

/// Puts them in the place of tract's.
pub(super) fn register(register: &mut OnnxOpRegister) {
    register.insert("LSTM", |context, node| Ok(replace(lstm::lstm(context, node)?, RecurrentCell::Lstm)));
    register.insert("GRU", |context: &ParsingContext<'_>, node: &NodeProto| {
        let reset_after = node.get_attr_opt::<i64>("linear_before_reset")?.unwrap_or(0) != 0;
        Ok(replace(gru::gru(context, node)?, RecurrentCell::Gru { reset_after }))
    });
}

fn replace((op, names): Built, cell: RecurrentCell) -> Built {
    let expansion = op.as_op().downcast_ref::<Box<dyn Expansion>>();
    let inner = expansion.and_then(|expansion| (**expansion).as_any().downcast_ref::<CommonRec>());
    let Some(inner) = inner.cloned() else { return (op, names) };
    (expand(Layer { inner, cell, packed: Arc::default() }), names)
}

/// A recurrent layer before its shapes are known.
#[derive(Clone, Debug)]
struct Layer {
    /// tract's, which has found out which inputs and outputs are there.
    inner: CommonRec,
    cell: RecurrentCell,
    packed: Arc<Mutex<Option<Packed>>>,
}

#[derive(Debug)]
struct Packed {
    /// What it was packed from.
    weights: Vec<Arc<Tensor>>,
    layer: Arc<Recurrent>,
}

impl Expansion for Layer {
    fn name(&self) -> StaticName {
        self.inner.name()
    }

    fn validation(&self) -> Validation {
        self.inner.validation()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        self.inner.info()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        self.inner.nboutputs()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        self.inner.rules(solver, inputs, outputs)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        match self.sequence(model, inputs) {
            Some(sequence) => self.wire_own(prefix, model, inputs, sequence),
            None => self.inner.wire(prefix, model, inputs),
        }
    }
}

impl Layer {
    /// The layer as our operator, where we have it in this form.
    fn sequence(&self, model: &TypedModel, inputs: &[OutletId]) -> Option<Sequence> {
        let inner = &self.inner;
        if inner.optional_sequence_lens_input.is_some() || inner.optional_p_input.is_some() {
            return None;
        }
        let x = floats(model, inputs[0]).filter(|x| !x.contains(&0))?;
        let [steps, batch] = if inner.batch_first { [*x.get(1)?, x[0]] } else { [x[0], *x.get(1)?] };
        let mut weights = vec![constant(model, inputs[1])?.clone(), constant(model, inputs[2])?.clone()];
        if let Some(bias) = inner.optional_bias_input {
            weights.push(constant(model, inputs[bias])?.clone());
        }
        let layer = self.pack(weights)?;
        let RecurrentShape { direction, hidden, .. } = *layer.shape();
        let directions = direction.count();
        let state = if inner.batch_first { [batch, directions, hidden] } else { [directions, batch, hidden] };
        let fits =
            |index: Option<usize>| index.is_none_or(|index| floats(model, inputs[index]) == Some(&state[..]));
        let own = x.get(2) == Some(&layer.shape().inputs);
        (own && fits(inner.optional_initial_h_input) && fits(inner.optional_initial_c_input)).then(|| {
            Sequence {
                layer,
                sizes: [steps, batch],
                has_hidden: inner.optional_initial_h_input.is_some(),
                has_cell: inner.optional_initial_c_input.is_some(),
                wanted: [inner.optional_y_output, inner.optional_y_h_output, inner.optional_y_c_output]
                    .map(|output| output.is_some()),
                storage: Arc::default(),
            }
        })
    }

    /// The kernel for these weights: what was packed last, where it was from the same.
    fn pack(&self, weights: Vec<Arc<Tensor>>) -> Option<Arc<Recurrent>> {
        let mut packed = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(packed) = packed.as_ref() {
            let same = packed.weights.iter().zip(&weights).all(|(packed, own)| Arc::ptr_eq(packed, own));
            if same && packed.weights.len() == weights.len() {
                return Some(packed.layer.clone());
            }
        }
        let [directions, _, inputs] = *weights[0].shape() else { return None };
        let direction = match directions {
            // Those from the end to the beginning have been turned around.
            1 => RecurrentDirection::Forward,
            2 => RecurrentDirection::Both,
            _ => return None,
        };
        let [_, _, hidden] = *weights[1].shape() else { return None };
        let shape = RecurrentShape { cell: self.cell, direction, inputs, hidden };
        let views: Vec<PlainView<'_>> =
            weights.iter().map(|tensor| tensor.try_as_plain_ram()).collect::<TractResult<_>>().ok()?;
        let slices: Vec<&[f32]> =
            views.iter().map(PlainView::as_slice::<f32>).collect::<TractResult<_>>().ok()?;
        let own = RecurrentWeights { input: slices[0], recurrent: slices[1], bias: slices.get(2).copied() };
        let layer = Arc::new(Recurrent::new(InstructionSet::best(), shape, own).ok()?);
        drop(views);
        *packed = Some(Packed { weights, layer: layer.clone() });
        Some(layer)
    }

    fn wire_own(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
        sequence: Sequence,
    ) -> TractResult<TVec<OutletId>> {
        let inner = &self.inner;
        let states = [inner.optional_initial_h_input, inner.optional_initial_c_input];
        let mut own: TVec<OutletId> = tvec!(inputs[0]);
        own.extend(states.into_iter().flatten().map(|state| inputs[state]));
        if inner.batch_first {
            for (index, input) in own.iter_mut().enumerate() {
                *input = model.wire_node(format!("{prefix}.in-{index}"), AxisOp::Move(1, 0), &[*input])?[0];
            }
        }
        let mut outputs = model.wire_node(prefix, sequence, &own)?;
        if inner.batch_first {
            for (index, output) in outputs.iter_mut().enumerate() {
                let batch = model.outlet_fact(*output)?.rank() - 2;
                let turned = AxisOp::Move(batch, 0);
                *output = model.wire_node(format!("{prefix}.out-{index}"), turned, &[*output])?[0];
            }
        }
        Ok(outputs)
    }
}

/// A recurrent layer over sequences of known length. Its inputs are `[steps, batch, inputs]` and the states before the first step.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    layer: Arc<Recurrent>,
    /// Steps and batch.
    sizes: [usize; 2],
    has_hidden: bool,
    has_cell: bool,
    /// Whether the states of all steps, the last state and the cells' last state are results.
    wanted: [bool; 3],
    storage: Arc<Storage>,
}

impl Sequence {
    /// Of the results that are wanted.
    fn shapes(&self) -> [Option<Vec<usize>>; 3] {
        let RecurrentShape { direction, hidden, .. } = *self.layer.shape();
        let [steps, batch] = self.sizes;
        let last = [direction.count(), batch, hidden];
        let all = [&[steps], &last[..]].concat();
        let [has_all, has_hidden, has_cell] = self.wanted;
        [has_all.then_some(all), has_hidden.then(|| last.to_vec()), has_cell.then(|| last.to_vec())]
    }

    fn take(&self, shape: Option<Vec<usize>>) -> TractResult<Option<Tensor>> {
        shape.map(|shape| self.storage.take(f32::datum_type(), &shape)).transpose()
    }

    pub(super) fn save(&self, to: &mut Saver) {
        self.layer.save(to);
        to.sizes(self.sizes);
        let [all, hidden, cell] = self.wanted;
        for flag in [self.has_hidden, self.has_cell, all, hidden, cell] {
            to.byte(flag.into());
        }
    }

    pub(super) fn restore(from: &mut Restorer<'_>, storage: Arc<Storage>) -> Result<Self, KernelError> {
        let (layer, sizes) = (Arc::new(Recurrent::restore(from)?), from.sizes()?);
        let mut flag = || Ok::<bool, KernelError>(from.byte()? != 0);
        let (has_hidden, has_cell) = (flag()?, flag()?);
        Ok(Self { layer, sizes, has_hidden, has_cell, wanted: [flag()?, flag()?, flag()?], storage })
    }
}

impl PartialEq for Sequence {
    fn eq(&self, _other: &Self) -> bool {
        false
    }
}

impl Eq for Sequence {}

impl Op for Sequence {
    fn name(&self) -> StaticName {
        match self.layer.shape().cell {
            RecurrentCell::Lstm => "Tandem.LSTM".into(),
            RecurrentCell::Gru { .. } => "Tandem.GRU".into(),
        }
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for Sequence {
    fn eval(&self, _context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let views: TVec<PlainView<'_>> =
            inputs.iter().map(|input| input.try_as_plain_ram()).collect::<TractResult<_>>()?;
        let slices: TVec<&[f32]> =
            views.iter().map(PlainView::as_slice::<f32>).collect::<TractResult<_>>()?;
        let start = RecurrentStart {
            hidden: self.has_hidden.then(|| slices[1]),
            cell: self.has_cell.then(|| slices[1 + usize::from(self.has_hidden)]),
        };
        let [all, hidden, cell] = self.shapes();
        let mut results = [self.take(all)?, self.take(hidden)?, self.take(cell)?];
        let mut views: TVec<Option<PlainViewMut<'_>>> = results
            .iter_mut()
            .map(|result| result.as_mut().map(Tensor::try_as_plain_ram_mut).transpose())
            .collect::<TractResult<_>>()?;
        let mut outs =
            views.iter_mut().map(|view| view.as_mut().map(PlainViewMut::as_slice_mut::<f32>).transpose());
        let mut next = || outs.next().transpose().map(Option::flatten);
        let out = RecurrentOutputs { steps: next()?, hidden: next()?, cell: next()? };
        self.layer.run(self.sizes, slices[0], start, out)?;
        drop(views);
        Ok(results.into_iter().flatten().map(|result| self.storage.lend(result)).collect())
    }

    op_out_of_plan!();
}

impl TypedOp for Sequence {
    fn output_facts(&self, _inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(self.shapes().iter().flatten().map(f32::fact).collect())
    }

    fn cost(&self, _inputs: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        let [steps, batch] = self.sizes;
        Ok(tvec!((Cost::FMA(f32::datum_type()), self.layer.products(steps, batch).to_dim())))
    }

    as_op!();
}
