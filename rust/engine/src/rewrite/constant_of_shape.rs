//! `ConstantOfShape` without a value: zeros of f32, of which tract makes f64.

use tandem_onnx::{AttributeProto, AttributeType, DataType, NodeProto, TensorProto};

use super::Patch;

pub(super) fn state_value(mut node: NodeProto, patch: &mut Patch<'_>) {
    if node.attribute("value").is_none() {
        let zero = TensorProto {
            dims: vec![1],
            data_type: DataType::Float32.number(),
            raw_data: bytes::Bytes::from_static(&[0; 4]),
            ..TensorProto::default()
        };
        let mut value =
            AttributeProto { name: "value".to_owned(), t: Some(Box::new(zero)), ..Default::default() };
        value.set_type(AttributeType::Tensor);
        node.attribute.push(value);
    }
    patch.nodes.push(node);
}
