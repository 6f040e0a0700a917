//! An upper bound on the memory that decoding takes, found by walking the wire format without
//! allocating.

use crate::attribute::AttributeProto;
use crate::graph::{GraphProto, NodeProto, TensorAnnotation};
use crate::model::{
    FunctionProto, ModelProto, OperatorSetIdProto, StringStringEntryProto, TrainingInfoProto,
};
use crate::sharding::{
    DeviceConfigurationProto, IntIntListEntryProto, NodeDeviceConfigurationProto, ShardedDimProto,
    ShardingSpecProto, SimpleShardedDimProto,
};
use crate::tensor::{SegmentProto, SparseTensorProto, TensorProto};
use crate::types::{
    DimensionProto, MapTypeProto, OpaqueTypeProto, OptionalTypeProto, SequenceTypeProto,
    SparseTensorTypeProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};

/// Deeper messages are refused by the decoder itself.
const MAX_DEPTH: usize = 100;

/// A growing `Vec` holds up to twice its items, and three times while it moves to a larger block.
const GROWTH: usize = 3;

/// Memory of one number, or of the handle of one string or blob, in a repeated field.
const NUMBER: usize = size_of::<u64>();
const HANDLE: usize = size_of::<bytes::Bytes>();

/// Whether the messages of the model in `bytes` take at most `budget` bytes.
///
/// Malformed bytes fit: the decoder stops where this walk does, having taken no more than was counted.
pub(super) fn fits(bytes: &[u8], budget: usize) -> bool {
    Walk { budget }.message(bytes, Kind::Model, MAX_DEPTH) != Step::OverBudget
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Done,
    Malformed,
    OverBudget,
}

struct Walk {
    budget: usize,
}

impl Walk {
    fn spend(&mut self, cost: usize) -> Step {
        match self.budget.checked_sub(cost) {
            Some(rest) => {
                self.budget = rest;
                Step::Done
            }
            None => Step::OverBudget,
        }
    }

    fn message(&mut self, mut bytes: &[u8], kind: Kind, depth: usize) -> Step {
        if depth == 0 {
            return Step::Malformed;
        }
        while !bytes.is_empty() {
            let step = self.field(&mut bytes, kind, depth);
            if step != Step::Done {
                return step;
            }
        }
        Step::Done
    }

    fn field(&mut self, bytes: &mut &[u8], kind: Kind, depth: usize) -> Step {
        let Some(key) = varint(bytes) else {
            return Step::Malformed;
        };
        match key & 7 {
            0 => match varint(bytes) {
                Some(_) => self.spend(GROWTH * NUMBER),
                None => Step::Malformed,
            },
            1 => match split(bytes, 8) {
                Some(_) => self.spend(GROWTH * NUMBER),
                None => Step::Malformed,
            },
            2 => match varint(bytes).and_then(|length| split(bytes, length)) {
                Some(content) => self.content(content, kind.field(key >> 3), depth),
                None => Step::Malformed,
            },
            // The marks around a group. Fields inside are counted as if they stood outside, which
            // errs on the safe side: the decoder skips them.
            3 | 4 => Step::Done,
            5 => match split(bytes, 4) {
                Some(_) => self.spend(GROWTH * NUMBER),
                None => Step::Malformed,
            },
            _ => Step::Malformed,
        }
    }

    fn content(&mut self, content: &[u8], field: Field, depth: usize) -> Step {
        match field {
            Field::Message(kind) => match self.spend(GROWTH * kind.size()) {
                Step::Done => self.message(content, kind, depth - 1),
                other => other,
            },
            Field::Blob => self.spend(GROWTH * HANDLE),
            Field::Text => self.spend((GROWTH * HANDLE).saturating_add(content.len())),
            // One byte on the wire may become a number of eight.
            Field::Varints => self.spend((GROWTH * NUMBER).saturating_mul(content.len())),
            Field::Fixed => self.spend(GROWTH.saturating_mul(content.len())),
            Field::Unknown => Step::Done,
        }
    }
}

/// What a length-delimited field holds.
#[derive(Clone, Copy, Debug)]
enum Field {
    Message(Kind),
    /// Bytes that stay in the file's buffer.
    Blob,
    Text,
    /// Packed integers of varying width.
    Varints,
    /// Packed floats.
    Fixed,
    Unknown,
}

macro_rules! kinds {
    ($($kind:ident: $message:ty),* $(,)?) => {
        /// A kind of message.
        #[derive(Clone, Copy, Debug)]
        enum Kind {
            $($kind),*
        }

        impl Kind {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$kind),*];

            #[cfg(test)]
            fn decodes(self, bytes: &[u8]) -> bool {
                match self {
                    $(Self::$kind => <$message as prost::Message>::decode(bytes).is_ok()),*
                }
            }

            fn size(self) -> usize {
                match self {
                    $(Self::$kind => size_of::<$message>()),*
                }
            }
        }
    };
}

kinds! {
    Model: ModelProto,
    OperatorSet: OperatorSetIdProto,
    Entry: StringStringEntryProto,
    Function: FunctionProto,
    Training: TrainingInfoProto,
    Devices: DeviceConfigurationProto,
    NodeDevices: NodeDeviceConfigurationProto,
    Sharding: ShardingSpecProto,
    DeviceGroup: IntIntListEntryProto,
    ShardedDim: ShardedDimProto,
    SimpleShardedDim: SimpleShardedDimProto,
    Graph: GraphProto,
    Node: NodeProto,
    Annotation: TensorAnnotation,
    Attribute: AttributeProto,
    Tensor: TensorProto,
    Segment: SegmentProto,
    SparseTensor: SparseTensorProto,
    ValueInfo: ValueInfoProto,
    Type: TypeProto,
    TensorType: TensorTypeProto,
    SparseTensorType: SparseTensorTypeProto,
    SequenceType: SequenceTypeProto,
    MapType: MapTypeProto,
    OptionalType: OptionalTypeProto,
    OpaqueType: OpaqueTypeProto,
    Shape: TensorShapeProto,
    Dimension: DimensionProto,
}

impl Kind {
    /// The field of number `tag`.
    fn field(self, tag: u64) -> Field {
        use Field::{Blob, Fixed, Message, Text, Varints};
        match (self, tag) {
            (Self::Model, 7) | (Self::Training, 1 | 2) | (Self::Attribute, 6 | 11) => Message(Self::Graph),
            (Self::Model, 8) | (Self::Function, 9) => Message(Self::OperatorSet),
            (Self::Model | Self::Function, 14)
            | (Self::Graph | Self::Tensor, 16)
            | (Self::Node, 9)
            | (Self::Training, 3 | 4)
            | (Self::Annotation, 2)
            | (Self::Tensor, 13)
            | (Self::ValueInfo, 4) => Message(Self::Entry),
            (Self::Model, 20) => Message(Self::Training),
            (Self::Model, 25) => Message(Self::Function),
            (Self::Model, 26) => Message(Self::Devices),
            (Self::Graph, 1) | (Self::Function, 7) => Message(Self::Node),
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::SparseTensor, 1 | 2) => {
                Message(Self::Tensor)
            }
            (Self::Graph, 11..=13) | (Self::Function, 12) => Message(Self::ValueInfo),
            (Self::Graph, 14) => Message(Self::Annotation),
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Message(Self::SparseTensor),
            (Self::Node, 5) | (Self::Function, 11) => Message(Self::Attribute),
            (Self::Node, 10) => Message(Self::NodeDevices),
            (Self::NodeDevices, 2) => Message(Self::Sharding),
            (Self::Sharding, 3) => Message(Self::DeviceGroup),
            (Self::Sharding, 4) => Message(Self::ShardedDim),
            (Self::ShardedDim, 2) => Message(Self::SimpleShardedDim),
            (Self::Attribute, 14 | 15)
            | (Self::ValueInfo | Self::MapType, 2)
            | (Self::SequenceType | Self::OptionalType, 1) => Message(Self::Type),
            (Self::Type, 1) => Message(Self::TensorType),
            (Self::Type, 4) => Message(Self::SequenceType),
            (Self::Type, 5) => Message(Self::MapType),
            (Self::Type, 7) => Message(Self::OpaqueType),
            (Self::Type, 8) => Message(Self::SparseTensorType),
            (Self::Type, 9) => Message(Self::OptionalType),
            (Self::TensorType | Self::SparseTensorType, 2) => Message(Self::Shape),
            (Self::Shape, 1) => Message(Self::Dimension),
            (Self::Tensor, 3) => Message(Self::Segment),
            (Self::Tensor, 6 | 9) | (Self::Attribute, 4 | 9) => Blob,
            (Self::Tensor, 4 | 10) | (Self::Attribute, 7) => Fixed,
            (Self::Tensor, 1 | 5 | 7 | 11)
            | (Self::Attribute, 8)
            | (Self::SparseTensor, 3)
            | (Self::Sharding | Self::DeviceGroup, 2) => Varints,
            // The other known fields; what is unknown among them counts too, which errs on the safe side.
            (_, 1..=26) => Text,
            _ => Field::Unknown,
        }
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for (place, &byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            *bytes = &bytes[place + 1..];
            return Some(value);
        }
    }
    None
}

fn split<'a>(bytes: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = tail;
    Some(head)
}

#[cfg(test)]
mod tests;
