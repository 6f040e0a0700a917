//! Placement of nodes over several devices. Tandem acts on none of it, but a file that is read and
//! written again must keep it.

/// A named set of devices.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct DeviceConfigurationProto {
    /// Name of the set.
    #[prost(string, tag = "1")]
    pub name: String,
    /// How many devices it holds.
    #[prost(int32, tag = "2")]
    pub num_devices: i32,
    /// Names of the devices.
    #[prost(string, repeated, tag = "3")]
    pub device: Vec<String>,
}

/// How one node is spread over a set of devices.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct NodeDeviceConfigurationProto {
    /// Name of the set of devices.
    #[prost(string, tag = "1")]
    pub configuration_id: String,
    /// How each input and output is cut.
    #[prost(message, repeated, tag = "2")]
    pub sharding_spec: Vec<ShardingSpecProto>,
    /// Stage of the pipeline that the node belongs to.
    #[prost(int32, tag = "3")]
    pub pipeline_stage: i32,
}

/// How one tensor is cut over devices.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct ShardingSpecProto {
    /// Name of the tensor.
    #[prost(string, tag = "1")]
    pub tensor_name: String,
    /// Devices, or groups of devices when negative.
    #[prost(int64, repeated, tag = "2")]
    pub device: Vec<i64>,
    /// Members of the groups.
    #[prost(message, repeated, tag = "3")]
    pub index_to_device_group_map: Vec<IntIntListEntryProto>,
    /// The axes that are cut.
    #[prost(message, repeated, tag = "4")]
    pub sharded_dim: Vec<ShardedDimProto>,
}

/// A group's number and the devices in it.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct IntIntListEntryProto {
    /// Number of the group.
    #[prost(int64, tag = "1")]
    pub key: i64,
    /// Devices in it.
    #[prost(int64, repeated, tag = "2")]
    pub value: Vec<i64>,
}

/// How one axis is cut.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct ShardedDimProto {
    /// The axis; negative counts from the last.
    #[prost(int64, tag = "1")]
    pub axis: i64,
    /// The cuts, several when the axis is a product of dimensions.
    #[prost(message, repeated, tag = "2")]
    pub simple_sharding: Vec<SimpleShardedDimProto>,
}

/// One dimension and the number of parts it is cut into.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct SimpleShardedDimProto {
    /// The dimension.
    #[prost(oneof = "ShardedSize", tags = "1, 2")]
    pub dim: Option<ShardedSize>,
    /// Number of parts.
    #[prost(int64, tag = "3")]
    pub num_shards: i64,
}

/// A dimension that is cut: a size or a name.
#[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
pub enum ShardedSize {
    /// A fixed size.
    #[prost(int64, tag = "1")]
    Value(i64),
    /// A symbolic size.
    #[prost(string, tag = "2")]
    Param(String),
}
