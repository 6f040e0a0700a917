//! Building a piece of tract's typed graph.

use tract_core::ops::cast::cast;
use tract_onnx::tract_hir::internal::*;
use tract_onnx::tract_hir::ops::logic::wire_with_rank_broadcast;

/// Adds nodes whose names begin with that of the ONNX node.
pub(super) struct Wires<'a> {
    model: &'a mut TypedModel,
    prefix: &'a str,
    count: usize,
}

impl<'a> Wires<'a> {
    pub(super) fn new(prefix: &'a str, model: &'a mut TypedModel) -> Self {
        Self { model, prefix, count: 0 }
    }

    fn name(&mut self) -> String {
        self.count += 1;
        format!("{}.{}", self.prefix, self.count)
    }

    pub(super) fn op(
        &mut self,
        op: impl Into<Box<dyn TypedOp>>,
        inputs: &[OutletId],
    ) -> TractResult<OutletId> {
        let name = self.name();
        Ok(self.model.wire_node(name, op, inputs)?[0])
    }

    /// A binary operator with ONNX's broadcasting.
    pub(super) fn binary(
        &mut self,
        op: impl Into<Box<dyn TypedOp>>,
        left: OutletId,
        right: OutletId,
    ) -> TractResult<OutletId> {
        let name = self.name();
        Ok(wire_with_rank_broadcast(name, self.model, op, &[left, right])?[0])
    }

    pub(super) fn constant(&mut self, tensor: impl IntoArcTensor) -> TractResult<OutletId> {
        let name = self.name();
        self.model.add_const(name, tensor)
    }

    /// A scalar of the type of `like`, of its rank.
    pub(super) fn scalar(&mut self, value: f32, like: OutletId) -> TractResult<OutletId> {
        let fact = self.fact(like)?;
        let scalar =
            tensor0(value).cast_to_dt(fact.datum_type)?.into_owned().broadcast_into_rank(fact.rank())?;
        self.constant(scalar)
    }

    pub(super) fn cast(&mut self, value: OutletId, to: DatumType) -> TractResult<OutletId> {
        if self.fact(value)?.datum_type == to { Ok(value) } else { self.op(cast(to), &[value]) }
    }

    pub(super) fn fact(&self, value: OutletId) -> TractResult<TypedFact> {
        self.model.outlet_fact(value).cloned()
    }

    pub(super) fn datum_type(&self, value: OutletId) -> TractResult<DatumType> {
        Ok(self.model.outlet_fact(value)?.datum_type)
    }

    /// The sizes of a value; an error where one is not known until the graph runs.
    pub(super) fn shape(&self, value: OutletId) -> TractResult<Vec<usize>> {
        self.model.outlet_fact(value)?.shape.iter().map(|dim| Ok(dim.to_usize()?)).collect()
    }

    /// The axes from `axis` on, of sizes `from`, as axes of sizes `to`.
    pub(super) fn reshape(
        &mut self,
        value: OutletId,
        axis: usize,
        from: &[usize],
        to: &[usize],
    ) -> TractResult<OutletId> {
        let dims = |sizes: &[usize]| sizes.iter().map(ToDim::to_dim).collect();
        self.op(AxisOp::Reshape(axis, dims(from), dims(to)), &[value])
    }

    pub(super) fn move_axis(&mut self, value: OutletId, from: usize, to: usize) -> TractResult<OutletId> {
        self.op(AxisOp::Move(from, to), &[value])
    }
}
