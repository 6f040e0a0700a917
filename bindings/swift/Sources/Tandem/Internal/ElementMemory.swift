import Foundation

internal import TandemGenerated

/// Memory that holds the elements of a tensor. Never changes.
protocol ElementMemory: Sendable {
    var byteCount: Int { get }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result

    /// The elements, without a copy where the memory can be kept alive from outside.
    func dataNoCopy() -> Data

    /// A tensor of the facade with these elements, in memory that a run need not copy again.
    func handle(_ spec: TensorSpec, in runtime: TandemGenerated.Runtime) throws -> TandemGenerated.Tensor
}

extension ElementMemory {
    func handle(_ spec: TensorSpec, in runtime: TandemGenerated.Runtime) throws -> TandemGenerated.Tensor {
        try checkCrossing(byteCount)
        // The facade copies before it returns, so a view without a copy is enough.
        return try withUnsafeBytes { try runtime.tensor(spec: spec, data: Data(viewing: $0)) }
    }
}

/// Elements in an array of the app's.
struct ArrayMemory<Element: TensorElement>: ElementMemory {
    let values: [Element]

    var byteCount: Int { values.count * MemoryLayout<Element>.stride }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try values.withUnsafeBytes(body)
    }

    /// A copy: an array's memory has no owner of its own to hold.
    func dataNoCopy() -> Data {
        withUnsafeBytes { Data($0) }
    }
}

/// Elements in bytes of the app's.
struct DataMemory: ElementMemory {
    let data: Data

    var byteCount: Int { data.count }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try data.withUnsafeBytes(body)
    }

    func dataNoCopy() -> Data { data }
}

/// Where the facade keeps elements. An address is good for as long as the object that gave it is held.
struct NativeSpan: Sendable {
    private let address: UInt
    let byteCount: Int

    init(address: UInt64, byteCount: UInt64) throws {
        guard let address = UInt(exactly: address), let byteCount = Int(exactly: byteCount) else {
            throw TandemError(.internal, "internal error: \(byteCount) bytes at \(address) are not in this process")
        }
        self.address = address
        self.byteCount = byteCount
    }

    /// The bytes as `Data` that holds their owner.
    func data(heldBy owner: any AnyObject & Sendable) -> Data {
        guard let base = bytes.baseAddress else { return Data() }
        return Data(
            bytesNoCopy: UnsafeMutableRawPointer(mutating: base), count: byteCount,
            deallocator: .custom { _, _ in withExtendedLifetime(owner) {} })
    }

    /// The bytes; none where there are none, whatever the address.
    var bytes: UnsafeRawBufferPointer {
        guard byteCount > 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: byteCount)
    }
}

/// Elements of an output of a prediction, kept by the facade.
struct OutputMemory: ElementMemory {
    let outputs: TandemGenerated.Outputs
    let index: UInt32
    let span: NativeSpan

    var byteCount: Int { span.byteCount }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(outputs) { try body(span.bytes) }
    }

    func dataNoCopy() -> Data {
        span.data(heldBy: outputs)
    }

    func handle(_: TensorSpec, in _: TandemGenerated.Runtime) throws -> TandemGenerated.Tensor {
        try outputs.tensor(index: index)
    }
}

/// Elements of a tensor that the facade keeps.
struct TensorMemory: ElementMemory {
    let tensor: TandemGenerated.Tensor
    let span: NativeSpan

    var byteCount: Int { span.byteCount }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(tensor) { try body(span.bytes) }
    }

    func dataNoCopy() -> Data {
        span.data(heldBy: tensor)
    }

    func handle(_: TensorSpec, in _: TandemGenerated.Runtime) throws -> TandemGenerated.Tensor {
        tensor
    }
}

extension Data {
    /// The bytes without a copy, for a call that reads them and lets go of them before it returns.
    init(viewing bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, !bytes.isEmpty else {
            self.init()
            return
        }
        self.init(
            bytesNoCopy: UnsafeMutableRawPointer(mutating: base), count: bytes.count, deallocator: .none)
    }
}
