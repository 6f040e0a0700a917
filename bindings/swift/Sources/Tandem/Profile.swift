internal import TandemGenerated

/// What one run of a model cost, node by node in the order in which they ran.
public struct Profile: Sendable, Hashable {
    /// The nodes.
    public let nodes: [NodeProfile]
    /// The whole run, what lies between the nodes included.
    public let total: Duration
    /// The most bytes of intermediate tensors that were alive at once; weights are not among them.
    public let peakBytes: UInt64
}

/// What one node of the graph cost.
public struct NodeProfile: Sendable, Hashable {
    /// The node's name. Nodes that the engine made or fused carry the name of one that they came from.
    public let name: String
    /// The engine's name of the operator.
    public let `operator`: String
    /// How long it ran.
    public let time: Duration
    /// Bytes of its outputs.
    public let outputBytes: UInt64
}

extension Profile {
    init(_ raw: TandemGenerated.Profile) {
        self.init(
            nodes: raw.nodes.map(NodeProfile.init), total: Duration(nanoseconds: raw.totalNs),
            peakBytes: raw.peakBytes)
    }
}

extension NodeProfile {
    init(_ raw: TandemGenerated.NodeProfile) {
        self.init(
            name: raw.name, operator: raw.operator, time: Duration(nanoseconds: raw.timeNs),
            outputBytes: raw.outputBytes)
    }
}
