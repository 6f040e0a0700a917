//! `SpaceToDepth`: tract's own does not know the attribute `mode`.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::wires::Wires;

pub(super) fn space_to_depth(
    _context: &ParsingContext<'_>,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let block: usize = node.get_attr("blocksize")?;
    ensure!(block > 0, "blocksize is 0");
    let channels_first = match node.get_attr_opt::<&str>("mode")? {
        None | Some("DCR") => false,
        Some("CRD") => true,
        Some(other) => bail!("mode is {other:?}, expected DCR or CRD"),
    };
    Ok((expand(SpaceToDepth { block, channels_first }), vec![]))
}

#[derive(Clone, Debug)]
struct SpaceToDepth {
    block: usize,
    /// Whether the old channel counts before the place in the block.
    channels_first: bool,
}

impl Expansion for SpaceToDepth {
    fn name(&self) -> StaticName {
        "SpaceToDepth".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1)?;
        solver.equals(&inputs[0].rank, 4)?;
        solver.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        solver.given(&inputs[0].shape, move |solver, shape| {
            let area = self.block * self.block;
            let shape = tvec!(
                shape[0].clone(),
                shape[1].clone() * area,
                shape[2].clone() / self.block,
                shape[3].clone() / self.block
            );
            solver.equals(&outputs[0].shape, shape)
        })
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut wires = Wires::new(prefix, model);
        let shape = wires.shape(inputs[0])?;
        let &[_, channels, height, width] = &shape[..] else { bail!("shape {shape:?}, expected four axes") };
        let block = self.block;
        ensure!(height % block == 0 && width % block == 0, "{height} × {width} pixels in blocks of {block}");
        let split = [height / block, block, width / block, block];
        // [n, c, h, y, w, x], of which y and x go beside c.
        let value = wires.reshape(inputs[0], 2, &[height, width], &split)?;
        let (value, depth) = if self.channels_first {
            let value = wires.move_axis(value, 3, 2)?;
            (wires.move_axis(value, 5, 3)?, [channels, block, block])
        } else {
            let value = wires.move_axis(value, 3, 1)?;
            (wires.move_axis(value, 5, 2)?, [block, block, channels])
        };
        Ok(tvec!(wires.reshape(value, 1, &depth, &[channels * block * block])?))
    }
}
