internal import TandemGenerated

/// What a run gives back: the outputs, where it ran and why, and how long it took.
public struct Prediction: Sendable {
    /// The outputs, in the order of ``RunOptions/outputs``, or of the model where none were named.
    public let outputs: [NamedTensor]
    /// Where it ran and why.
    public let decision: Decision
    /// How long it took.
    public let timing: Timing

    /// The output of that name, or `nil` where there is none.
    public subscript(name: String) -> Tensor? {
        outputs.first { $0.name == name }?.tensor
    }

    /// The output of that name.
    ///
    /// - Parameter name: The output's name in the model.
    /// - Returns: The output's tensor.
    /// - Throws: ``TandemError/invalidArgument(_:)`` where there is none.
    public func output(_ name: String) throws -> Tensor {
        guard let tensor = self[name] else {
            let known = outputs.map(\.name).joined(separator: ", ")
            throw TandemError(.invalidArgument, "the prediction has no output \"\(name)\", it has \(known)")
        }
        return tensor
    }
}

/// A tensor and its name in the model.
public struct NamedTensor: Sendable, Equatable {
    /// The name.
    public let name: String
    /// The tensor.
    public let tensor: Tensor
}

extension Prediction {
    init(_ raw: TandemGenerated.Prediction) throws {
        outputs = try raw.outputs.enumerated().map { index, output in
            NamedTensor(name: output.name, tensor: try Tensor(output, UInt32(index), of: raw.memory))
        }
        decision = Decision(raw.decision)
        timing = Timing(raw.timing)
    }
}

extension Tensor {
    fileprivate init(_ output: Output, _ index: UInt32, of outputs: Outputs) throws {
        let dtype = DType(output.dtype)
        let shape = try Self.sizes(output.shape)
        guard dtype != .string else {
            self.init(dtype, shape, .strings(try outputs.strings(index: index)))
            return
        }
        let span = try NativeSpan(address: output.address, byteCount: output.byteLen)
        self.init(dtype, shape, .memory(OutputMemory(outputs: outputs, index: index, span: span)))
    }

    static func sizes(_ shape: [UInt64]) throws -> [Int] {
        try shape.map { size in
            guard let size = Int(exactly: size) else {
                throw TandemError(.internal, "internal error: a dimension of \(size)")
            }
            return size
        }
    }
}
