//! Operators that compute in a wider type than that of their tensors.
//!
//! tract adds up products of f16 in f16, which loses digits that other runtimes keep.

use tract_core::ops::cast::cast;
use tract_onnx::tract_hir::internal::*;
use tract_onnx::tract_hir::tract_core::internal::HashMap as Mapping;

/// The type in which `operator` works on tensors of `datum_type`, where it is another.
pub(crate) fn working_type(operator: &str, datum_type: DatumType) -> Option<DatumType> {
    let summing = matches!(
        operator,
        "AveragePool"
            | "BatchNormalization"
            | "Conv"
            | "ConvTranspose"
            | "CumSum"
            | "Einsum"
            | "Gemm"
            | "GlobalAveragePool"
            | "GlobalLpPool"
            | "GroupNormalization"
            | "InstanceNormalization"
            | "LayerNormalization"
            | "LogSoftmax"
            | "LpNormalization"
            | "LRN"
            | "MatMul"
            | "MeanVarianceNormalization"
            | "ReduceL1"
            | "ReduceL2"
            | "ReduceLogSum"
            | "ReduceLogSumExp"
            | "ReduceMean"
            | "ReduceProd"
            | "ReduceSum"
            | "ReduceSumSquare"
            | "RMSNormalization"
            | "Softmax"
    );
    (summing && datum_type == DatumType::F16).then_some(DatumType::F32)
}

/// Translates `node`, whose operator is `inner`, with its inputs cast to the wider type and its outputs back.
pub(crate) fn to_typed(
    inner: &dyn InferenceOp,
    (narrow, wide): (DatumType, DatumType),
    source: &InferenceModel,
    node: &InferenceNode,
    target: &mut TypedModel,
    mapping: &Mapping<OutletId, OutletId>,
) -> TractResult<TVec<OutletId>> {
    let mut widened = mapping.clone();
    for (index, input) in node.inputs.iter().enumerate() {
        let outlet = mapping[input];
        let fact = target.outlet_fact(outlet)?;
        if fact.datum_type != narrow {
            continue;
        }
        let name = target.unique_name(format!("{}.wide-{index}", node.name));
        let wide = match &fact.konst {
            // Constants are cast here, because tract folds none of more than 4 MiB.
            Some(constant) => target.add_const(name, constant.cast_to_dt(wide)?.into_owned())?,
            None => target.wire_node(name, cast(wide), &[outlet])?[0],
        };
        widened.insert(*input, wide);
    }
    // What is known of the outputs' types holds for the narrow type.
    let mut node = node.clone();
    for output in &mut node.outputs {
        output.fact = output.fact.clone().without_datum_type();
    }
    let outlets = inner.to_typed(source, &node, target, &widened)?;
    let mut narrowed = tvec!();
    for (index, outlet) in outlets.into_iter().enumerate() {
        if target.outlet_fact(outlet)?.datum_type == wide {
            let name = target.unique_name(format!("{}.narrow-{index}", node.name));
            narrowed.extend(target.wire_node(name, cast(narrow), &[outlet])?);
        } else {
            narrowed.push(outlet);
        }
    }
    Ok(narrowed)
}
