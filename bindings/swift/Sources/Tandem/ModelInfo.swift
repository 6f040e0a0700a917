internal import TandemGenerated

/// What a loaded model is: identity, inputs and outputs.
public struct ModelInfo: Sendable, Hashable {
    /// The name under which endpoints serve it: ``LoadOptions/name``, else the file's name without its ending, else the
    /// graph's name, else `model`.
    public let name: String
    /// SHA-256 of the ONNX file, as 64 lower-case hexadecimal digits. External data is not part of it.
    public let digest: String
    /// Version of the default operator set.
    public let opset: UInt64
    /// The model's own key-value metadata, with `producer` and `description` where they are set.
    public let metadata: [String: String]
    /// What must be given, in the graph's order.
    public let inputs: [TensorInfo]
    /// What can be asked for, in the graph's order.
    public let outputs: [TensorInfo]
}

/// Name, element type and shape of one input or output.
public struct TensorInfo: Sendable, Hashable, CustomStringConvertible {
    /// The name by which it is given or wanted.
    public let name: String
    /// The element type.
    public let dtype: DType
    /// The declared shape; `nil` where the model does not state even the number of dimensions.
    public let shape: [Dimension]?

    /// Name, type and shape: `image f32 [batch, 1, 8, 8]`.
    public var description: String {
        let sizes = shape.map { "[\($0.map(\.description).joined(separator: ", "))]" }
        return "\(name) \(dtype) \(sizes ?? "any shape")"
    }
}

/// One dimension of a declared shape.
public enum Dimension: Sendable, Hashable, CustomStringConvertible {
    /// A fixed size.
    case fixed(Int)
    /// Any size; two dimensions of one model that share a name share their size.
    case symbol(String)
    /// Any size.
    case unknown

    /// The size, the symbol's name, or `?`.
    public var description: String {
        switch self {
        case .fixed(let size): "\(size)"
        case .symbol(let name): name
        case .unknown: "?"
        }
    }
}

extension ModelInfo {
    init(_ raw: TandemGenerated.ModelInfo) {
        self.init(
            name: raw.name, digest: raw.digest, opset: raw.opset, metadata: raw.metadata,
            inputs: raw.inputs.map(TensorInfo.init), outputs: raw.outputs.map(TensorInfo.init))
    }
}

extension TensorInfo {
    init(_ raw: TandemGenerated.TensorInfo) {
        self.init(name: raw.name, dtype: DType(raw.dtype), shape: raw.shape?.map(Dimension.init))
    }
}

extension Dimension {
    init(_ raw: TandemGenerated.Dimension) {
        switch raw {
        case .fixed(let size): self = .fixed(Int(clamping: size))
        case .symbol(let name): self = .symbol(name)
        case .unknown: self = .unknown
        }
    }
}
