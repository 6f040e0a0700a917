//! `Pad`: the value may be a list of one, which tract does not take.

use tandem_onnx::NodeProto;

use super::Patch;

pub(super) fn make_value_scalar(mut node: NodeProto, patch: &mut Patch<'_>) {
    if let Some(value) = node.input.get_mut(2).filter(|value| !value.is_empty()) {
        let scalar = patch.name("value");
        patch.node("Squeeze", vec![std::mem::replace(value, scalar.clone())], scalar);
    }
    patch.nodes.push(node);
}
