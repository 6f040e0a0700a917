use super::{Field, Kind, fits};
use crate::{GraphProto, ModelProto, NodeProto, TensorProto};
use prost::Message;

/// Contents that the kinds of field take differently.
const EMPTY: &[u8] = &[];
/// A wire type that does not exist; text; a packed integer; too short for a float.
const SEVEN: &[u8] = &[7];
/// Two floats; text; field number 0, which no message may have.
const ZEROS: &[u8] = &[0; 8];
/// A packed integer in two bytes; not UTF-8.
const LONG_ZERO: &[u8] = &[0x80, 0];
/// Neither UTF-8 nor an integer.
const CUT: &[u8] = &[0xff];

fn wrapped(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut key = u32::from(tag) << 3 | 2;
    let mut bytes = Vec::new();
    while key >= 0x80 {
        bytes.push(u8::try_from(key & 0x7f).unwrap() | 0x80);
        key >>= 7;
    }
    bytes.push(u8::try_from(key).unwrap());
    bytes.push(u8::try_from(content.len()).unwrap());
    bytes.extend_from_slice(content);
    bytes
}

#[test]
fn the_table_tells_every_field_as_the_decoder_takes_it() {
    let mut messages = 0;
    for &kind in Kind::ALL {
        for tag in 1..=40 {
            let takes = |content| kind.decodes(&wrapped(tag, content));
            if !takes(EMPTY) {
                continue; // One number, never length-delimited.
            }
            let field = kind.field(tag.into());
            match (takes(SEVEN), takes(ZEROS), takes(LONG_ZERO), takes(CUT)) {
                (false, false, ..) => {
                    messages += 1;
                    assert!(matches!(field, Field::Message(_)), "{kind:?}.{tag} {field:?}");
                }
                (false, true, ..) => {
                    assert!(matches!(field, Field::Fixed), "{kind:?}.{tag} {field:?}");
                }
                (true, _, true, false) => {
                    assert!(matches!(field, Field::Varints), "{kind:?}.{tag} {field:?}");
                }
                (true, _, false, _) => {
                    assert!(matches!(field, Field::Text), "{kind:?}.{tag} {field:?}");
                }
                (true, _, true, true) => assert!(
                    matches!(field, Field::Blob | Field::Text | Field::Unknown),
                    "{kind:?}.{tag} {field:?}"
                ),
            }
        }
    }
    assert!(messages > 40, "{messages}");
}

#[test]
fn the_table_names_the_message_that_the_decoder_reads() {
    for &kind in Kind::ALL {
        for tag in 1..=40 {
            let Field::Message(inner) = kind.field(tag.into()) else {
                continue;
            };
            for inner_tag in 1..=40 {
                for content in [EMPTY, SEVEN, ZEROS, LONG_ZERO, CUT] {
                    let message = wrapped(inner_tag, content);
                    assert_eq!(
                        kind.decodes(&wrapped(tag, &message)),
                        inner.decodes(&message),
                        "{kind:?}.{tag} as {inner:?}.{inner_tag}"
                    );
                }
            }
        }
    }
}

#[test]
fn empty_nodes_cost_what_they_take_in_memory() {
    let nodes = 1000;
    let model = ModelProto {
        graph: Some(GraphProto { node: vec![NodeProto::default(); nodes], ..GraphProto::default() }),
        ..ModelProto::default()
    };
    let bytes = model.encode_to_vec();
    assert!(bytes.len() < 3 * nodes);
    assert!(!fits(&bytes, nodes * size_of::<NodeProto>()));
    assert!(fits(&bytes, 4 * nodes * size_of::<NodeProto>()));
}

#[test]
fn a_blob_costs_no_memory_beside_the_file() {
    let tensor = TensorProto { raw_data: vec![1; 1 << 20].into(), ..TensorProto::default() };
    let model = ModelProto {
        graph: Some(GraphProto { initializer: vec![tensor], ..GraphProto::default() }),
        ..ModelProto::default()
    };
    assert!(fits(&model.encode_to_vec(), 1 << 14));
}

#[test]
fn a_group_does_not_hide_what_follows_it() {
    // Field 100 as a group, empty, then a graph of many empty nodes.
    let mut bytes = vec![0xa3, 0x06, 0xa4, 0x06];
    let graph = GraphProto { node: vec![NodeProto::default(); 1000], ..GraphProto::default() };
    bytes.extend(ModelProto { graph: Some(graph), ..ModelProto::default() }.encode_to_vec());
    assert!(ModelProto::decode(bytes.as_slice()).is_ok());
    assert!(!fits(&bytes, 1 << 16));
}
