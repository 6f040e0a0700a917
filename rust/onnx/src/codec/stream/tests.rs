use crate::{DataType, GraphBuilder, ModelBuilder, dims};

use super::*;

/// Constants on both sides of what is large, also in a place where none is looked for.
fn model() -> ModelProto {
    let mut graph = GraphBuilder::new("stream");
    graph.input("x", DataType::Float32, dims![1, 100]);
    let mut last = "x".to_owned();
    for (index, rows) in [100_usize, 1000, 3, 700, 164].into_iter().enumerate() {
        let values: Vec<f32> = (0..100_u16).cycle().take(rows * 100).map(f32::from).collect();
        let (weights, result) = (format!("w{index}"), format!("y{index}"));
        graph.initializer(&weights, &[rows, 100], &values);
        graph.node("Mul", [last.as_str(), weights.as_str()], [result.as_str()]);
        last = result;
    }
    graph.output(&last, DataType::Float32, dims![1, 100]);
    ModelBuilder::new(graph).build().unwrap()
}

fn streamed(bytes: &[u8]) -> Option<ModelProto> {
    ModelProto::decode_stream(bytes, bytes.len() as u64, DecodeLimits::default(), &mut ()).unwrap()
}

#[test]
fn a_model_is_what_it_is_when_read_whole() {
    let model = model();
    let bytes = model.encode_bytes();
    assert_eq!(streamed(&bytes), Some(model.clone()));
    let large = model
        .graph
        .unwrap()
        .initializer
        .iter()
        .filter(|tensor| tensor.raw_data.len() as u64 >= LARGE)
        .count();
    assert_eq!(large, 3);
}

#[test]
fn two_halves_of_a_graph_are_joined() {
    let bytes = model().encode_bytes();
    let twice = [&bytes[..], &bytes[..]].concat();
    assert_eq!(streamed(&twice), Some(ModelProto::decode_bytes(twice.into()).unwrap()));
}

#[test]
fn a_constant_with_two_values_is_left_to_those_who_read_all() {
    let mut graph = GraphBuilder::new("twice");
    graph.initializer("w", &[1 << 15], &vec![1.0_f32; 1 << 15]);
    let bytes = ModelBuilder::new(graph).build().unwrap();
    let tensor = prost::Message::encode_to_vec(&bytes.graph.unwrap().initializer[0]);
    // The same tensor's fields once more: the later value counts.
    let wrap = |field: u8, content: &[u8]| {
        let mut message = vec![field << 3 | 2];
        put(&mut message, content.len() as u64);
        [message, content.to_vec()].concat()
    };
    let twice = wrap(7, &wrap(5, &[&tensor[..], &tensor[..]].concat()));
    assert!(ModelProto::decode_bytes(twice.clone().into()).is_ok());
    assert_eq!(streamed(&twice), None);
}

/// Whatever happens to the bytes: either all is as when they are read whole, or they are to be read whole.
#[test]
fn damage_is_left_to_those_who_read_all() {
    let bytes = model().encode_bytes();
    let check = |damaged: Vec<u8>, what: &str| {
        let Some(got) = streamed(&damaged) else { return };
        let whole = ModelProto::decode_bytes(damaged.into());
        assert!(whole.is_ok_and(|whole| whole == got), "{what}");
    };
    let ends = (0..200).chain((200..bytes.len()).step_by(997));
    for end in ends {
        check(bytes[..end].to_vec(), &format!("{end} bytes"));
        for value in [0x00, 0x7f, 0xff, bytes[end] ^ 1, bytes[end] ^ 0x80] {
            let mut damaged = bytes.to_vec();
            damaged[end] = value;
            check(damaged, &format!("{value} at {end}"));
        }
    }
}

#[test]
fn a_reader_that_fails_or_ends_is_told_apart() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
    let failed = ModelProto::decode_stream(Fails, 10, DecodeLimits::default(), &mut ());
    assert!(
        matches!(failed, Err(StreamError::Read(error)) if error.kind() == io::ErrorKind::PermissionDenied)
    );
    let bytes = model().encode_bytes();
    let ended =
        ModelProto::decode_stream(&bytes[..5000], bytes.len() as u64, DecodeLimits::default(), &mut ());
    assert!(matches!(ended, Ok(None)));
    let limits = DecodeLimits::default().with_max_memory(10);
    let refused = ModelProto::decode_stream(&bytes[..], bytes.len() as u64, limits, &mut ());
    assert!(matches!(refused, Err(StreamError::Decode(DecodeError::TooMuchMemory { limit: 10 }))));
}

/// What a witness has seen.
#[derive(Default)]
struct Seen {
    all: Vec<u8>,
    constants: usize,
}

impl Witness for Seen {
    fn bytes(&mut self, next: &[u8]) {
        self.all.extend(next);
    }

    fn constant(&mut self, next: &Bytes) {
        self.all.extend(next);
        self.constants += 1;
    }
}

/// Gives at most so many bytes at once.
struct Slow<'a>(&'a [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let most = room.len().min(self.1);
        self.0.read(&mut room[..most])
    }
}

#[test]
fn the_witness_sees_the_bytes_that_are_decoded_and_no_others() {
    let bytes = model().encode_bytes();
    // The file has grown since its length was asked for.
    let longer = [&bytes[..], &bytes[..100]].concat();
    for most in [1, 1000, 100_000, usize::MAX] {
        let (mut reader, mut seen) = (Slow(&longer, most), Seen::default());
        let length = bytes.len() as u64;
        let got = ModelProto::decode_stream(&mut reader, length, DecodeLimits::default(), &mut seen).unwrap();
        assert_eq!(got, Some(model()));
        assert!(seen.all == bytes, "{most} bytes at once");
        assert_eq!(seen.constants, 3);
        assert_eq!(reader.0, &bytes[..100]);
    }
}
