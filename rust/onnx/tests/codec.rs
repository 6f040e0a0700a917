//! Decoding and encoding whole models.

#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside them")]

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use tandem_onnx::{
    AttributeProto, AttributeType, AttributeValue, DataLocation, DataType, DecodeError, DecodeLimits, Dim,
    FunctionProto, GraphBuilder, GraphProto, MapTypeProto, ModelBuilder, ModelProto,
    NodeDeviceConfigurationProto, NodeProto, OperatorSetIdProto, OptionalTypeProto, SequenceTypeProto,
    ShardedDimProto, ShardedSize, ShardingSpecProto, SimpleShardedDimProto, SparseTensorProto,
    StringStringEntryProto, TensorProto, TrainingInfoProto, TypeProto, TypeValue, ValueInfoProto, dims,
};

fn text() -> impl Strategy<Value = String> {
    "[a-zé0-9/]{0,6}"
}

fn entry() -> impl Strategy<Value = StringStringEntryProto> {
    (text(), text()).prop_map(|(key, value)| StringStringEntryProto::new(key, value))
}

fn blob() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..9).prop_map(Bytes::from)
}

fn float() -> impl Strategy<Value = f32> {
    -1e6_f32..1e6
}

fn tensor() -> impl Strategy<Value = TensorProto> {
    let numbers = (
        vec(float(), 0..4),
        vec(any::<i32>(), 0..4),
        vec(any::<i64>(), 0..4),
        vec(any::<u64>(), 0..4),
        vec(-1e9_f64..1e9, 0..4),
    );
    let rest = (vec(blob(), 0..3), blob(), vec(entry(), 0..2), any::<bool>());
    (text(), vec(any::<i64>(), 0..4), 0..30, numbers, rest).prop_map(
        |(name, dims, data_type, numbers, rest)| TensorProto {
            name,
            dims,
            data_type,
            float_data: numbers.0,
            int32_data: numbers.1,
            int64_data: numbers.2,
            uint64_data: numbers.3,
            double_data: numbers.4,
            string_data: rest.0,
            raw_data: rest.1,
            external_data: rest.2.clone(),
            metadata_props: rest.2,
            data_location: i32::from(rest.3) * DataLocation::External as i32,
            ..TensorProto::default()
        },
    )
}

fn type_proto() -> impl Strategy<Value = TypeProto> {
    let dim =
        prop_oneof![any::<i64>().prop_map(Dim::Fixed), text().prop_map(Dim::Symbolic), Just(Dim::Unknown),];
    let tensor = (0..DataType::ALL.len(), vec(dim, 0..4))
        .prop_map(|(index, dims)| TypeProto::tensor(DataType::ALL[index], dims));
    tensor.prop_recursive(3, 6, 1, |inner| {
        (inner, 0..3).prop_map(|(inner, kind)| {
            let inner = Some(Box::new(inner));
            let value = match kind {
                0 => TypeValue::Sequence(Box::new(SequenceTypeProto { elem_type: inner })),
                1 => TypeValue::Optional(Box::new(OptionalTypeProto { elem_type: inner })),
                _ => TypeValue::Map(Box::new(MapTypeProto {
                    key_type: DataType::Int64.number(),
                    value_type: inner,
                })),
            };
            TypeProto { value: Some(value), denotation: "IMAGE".to_owned() }
        })
    })
}

fn value_info() -> impl Strategy<Value = ValueInfoProto> {
    (text(), proptest::option::of(type_proto()), text()).prop_map(|(name, r#type, doc_string)| {
        ValueInfoProto { name, r#type, doc_string, ..ValueInfoProto::default() }
    })
}

fn plain_attribute() -> impl Strategy<Value = AttributeProto> {
    let value = prop_oneof![
        float().prop_map(AttributeValue::Float),
        any::<i64>().prop_map(AttributeValue::Int),
        text().prop_map(AttributeValue::String),
        tensor().prop_map(|tensor| AttributeValue::Tensor(Box::new(tensor))),
        vec(float(), 0..4).prop_map(AttributeValue::Floats),
        vec(any::<i64>(), 0..4).prop_map(AttributeValue::Ints),
        vec(text(), 0..4).prop_map(AttributeValue::Strings),
    ];
    let plain = (text(), value).prop_map(|(name, value)| AttributeProto::new(name, value));
    let rare = (tensor(), tensor(), type_proto()).prop_map(|(values, indices, r#type)| {
        let sparse =
            SparseTensorProto { dims: vec![7], values: Some(values.clone()), indices: Some(indices) };
        AttributeProto {
            ref_attr_name: "outer".to_owned(),
            r#type: AttributeType::SparseTensor.into(),
            sparse_tensor: Some(Box::new(sparse.clone())),
            sparse_tensors: vec![sparse],
            tensors: vec![values],
            tp: Some(Box::new(r#type.clone())),
            type_protos: vec![r#type],
            ..AttributeProto::default()
        }
    });
    prop_oneof![4 => plain, 1 => rare]
}

fn placement() -> NodeDeviceConfigurationProto {
    let cut = SimpleShardedDimProto { dim: Some(ShardedSize::Param("n".to_owned())), num_shards: 2 };
    let spec = ShardingSpecProto {
        tensor_name: "x".to_owned(),
        device: vec![0, 1],
        sharded_dim: vec![ShardedDimProto { axis: -1, simple_sharding: vec![cut] }],
        ..ShardingSpecProto::default()
    };
    NodeDeviceConfigurationProto {
        configuration_id: "two".to_owned(),
        sharding_spec: vec![spec],
        pipeline_stage: 1,
    }
}

fn graph_of(attribute: impl Strategy<Value = AttributeProto> + 'static) -> impl Strategy<Value = GraphProto> {
    let names = || vec(text(), 0..3);
    let node =
        (names(), names(), text(), vec(attribute, 0..3)).prop_map(|(input, output, op_type, attribute)| {
            NodeProto {
                input,
                output,
                op_type,
                attribute,
                device_configurations: vec![placement()],
                ..NodeProto::default()
            }
        });
    let values = || vec(value_info(), 0..3);
    (text(), vec(node, 0..4), vec(tensor(), 0..3), values(), values()).prop_map(
        |(name, node, initializer, input, output)| GraphProto {
            name,
            node,
            initializer,
            value_info: output.clone(),
            input,
            output,
            ..GraphProto::default()
        },
    )
}

fn graph() -> impl Strategy<Value = GraphProto> {
    let body = graph_of(plain_attribute());
    let nested = (text(), body).prop_map(|(name, graph)| AttributeProto::new(name, graph));
    graph_of(prop_oneof![3 => plain_attribute(), 1 => nested])
}

fn model() -> impl Strategy<Value = ModelProto> {
    let parts = (graph(), text(), any::<i64>(), vec(entry(), 0..3));
    (parts, plain_attribute()).prop_map(|((graph, doc_string, version, notes), attribute)| {
        let function = FunctionProto {
            name: "f".to_owned(),
            input: vec!["a".to_owned()],
            attribute: vec!["b".to_owned()],
            attribute_proto: vec![attribute],
            node: graph.node.clone(),
            ..FunctionProto::default()
        };
        let training = TrainingInfoProto {
            algorithm: Some(graph.clone()),
            update_binding: notes.clone(),
            ..TrainingInfoProto::default()
        };
        ModelProto {
            ir_version: version,
            opset_import: vec![OperatorSetIdProto { domain: doc_string.clone(), version }],
            doc_string,
            graph: Some(graph),
            metadata_props: notes,
            training_info: vec![training],
            functions: vec![function],
            ..ModelProto::default()
        }
    })
}

proptest! {
    #[test]
    fn a_model_survives_encoding_and_decoding(model in model()) {
        let decoded = ModelProto::decode_bytes(model.encode_bytes()).unwrap();
        prop_assert_eq!(decoded, model);
    }

    #[test]
    fn any_bytes_decode_or_fail_with_an_error(bytes in vec(any::<u8>(), 0..512)) {
        // Whatever does decode must also encode to a model of the same meaning.
        if let Ok(model) = ModelProto::decode_bytes(bytes.into()) {
            let again = ModelProto::decode_bytes(model.encode_bytes()).unwrap();
            prop_assert_eq!(again.encode_bytes(), model.encode_bytes());
        }
    }

    #[test]
    fn a_damaged_model_decodes_or_fails_with_an_error(
        model in model(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = model.encode_bytes().to_vec();
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        bytes.truncate(end.index(bytes.len()) + 1);
        if let Ok(model) = ModelProto::decode_bytes(bytes.into()) {
            let again = ModelProto::decode_bytes(model.encode_bytes()).unwrap();
            prop_assert_eq!(again.encode_bytes(), model.encode_bytes());
        }
    }
}

fn weights_model(values: &[f32]) -> ModelProto {
    let mut graph = GraphBuilder::new("weights");
    graph.initializer("w", &[values.len()], values);
    graph.node("Identity", ["w"], ["y"]);
    graph.output("y", DataType::Float32, dims![values.len()]);
    ModelBuilder::new(graph).build().unwrap()
}

#[test]
fn raw_data_is_a_slice_of_the_file() {
    let file = weights_model(&[1.0; 4096]).encode_bytes();
    let range = file.as_ptr_range();
    let model = ModelProto::decode_bytes(file.clone()).unwrap();
    let raw = &model.graph.unwrap().initializer[0].raw_data;
    assert_eq!(raw.len(), 16384);
    assert!(range.contains(&raw.as_ptr()));
}

#[test]
fn a_file_over_the_limit_is_refused() {
    let file = weights_model(&[1.0; 4]).encode_bytes();
    let limits = DecodeLimits::default().with_max_bytes(file.len() - 1);
    let error = ModelProto::decode_with_limits(file.clone(), limits).unwrap_err();
    assert!(matches!(
        error,
        DecodeError::TooManyBytes { actual, limit } if actual == file.len() && limit == actual - 1
    ));
}

#[test]
fn a_bomb_of_empty_nodes_is_refused_before_it_takes_memory() {
    // Ten million nodes in twenty megabytes would take two gigabytes and a half.
    let nodes = [0x0a, 0x00].repeat(10_000_000);
    let mut file = vec![0x3a, 0x80, 0xda, 0xc4, 0x09];
    file.extend(nodes);
    let error = ModelProto::decode_bytes(file.into()).unwrap_err();
    assert!(matches!(error, DecodeError::TooMuchMemory { .. }), "{error}");
}

#[test]
fn messages_nested_over_a_hundred_deep_are_refused() {
    let nested = |depth: usize| {
        let mut graph = GraphProto::default();
        for _ in 0..depth {
            let node =
                NodeProto { attribute: vec![AttributeProto::new("body", graph)], ..NodeProto::default() };
            graph = GraphProto { node: vec![node], ..GraphProto::default() };
        }
        let model = ModelProto { graph: Some(graph), ..ModelProto::default() };
        ModelProto::decode_bytes(model.encode_bytes())
    };
    assert!(nested(32).is_ok());
    let error = nested(40).unwrap_err();
    assert!(matches!(error, DecodeError::Malformed(_)), "{error}");
    assert!(error.to_string().contains("recursion"), "{error}");
}
