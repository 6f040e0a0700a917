import Foundation

extension Tensor {
    /// Bytes that the elements take; 0 for strings.
    public var byteCount: Int {
        switch elements {
        case .memory(let memory): memory.byteCount
        case .strings: 0
        }
    }

    /// A copy of the elements.
    ///
    /// - Parameter type: The Swift type that stands for ``dtype``.
    /// - Returns: The elements, row-major.
    /// - Throws: ``TandemError/invalidInput(_:)`` where `type` does not stand for ``dtype``.
    public func values<Element: TensorElement>(as type: Element.Type = Element.self) throws -> [Element] {
        let memory = try numbers(of: type)
        return [Element](unsafeUninitializedCapacity: count) { target, initialized in
            memory.withUnsafeBytes { UnsafeMutableRawBufferPointer(target).copyMemory(from: $0) }
            initialized = count
        }
    }

    /// A copy of the elements of an ``DType/f32`` tensor.
    ///
    /// - Returns: The elements, row-major.
    /// - Throws: ``TandemError/invalidInput(_:)`` for every other type.
    public func floats() throws -> [Float] {
        try values()
    }

    /// A copy of the elements of a ``DType/bool`` tensor.
    ///
    /// - Returns: The elements, row-major.
    /// - Throws: ``TandemError/invalidInput(_:)`` for every other type.
    public func bools() throws -> [Bool] {
        try memory(of: .bool).withUnsafeBytes { bytes in bytes.map { $0 != 0 } }
    }

    /// The elements of a ``DType/string`` tensor.
    ///
    /// - Returns: The elements, row-major.
    /// - Throws: ``TandemError/invalidInput(_:)`` for every other type.
    public func strings() throws -> [String] {
        guard case .strings(let values) = elements else { throw wrongType(.string) }
        return values
    }

    /// The bits of the elements of an ``DType/f16`` tensor, for where Swift has no `Float16`.
    ///
    /// - Returns: The elements, row-major, as IEEE 754 binary16.
    /// - Throws: ``TandemError/invalidInput(_:)`` for every other type.
    public func float16Bits() throws -> [UInt16] {
        try memory(of: .f16).withUnsafeBytes { bytes in
            [UInt16](unsafeUninitializedCapacity: count) { target, initialized in
                UnsafeMutableRawBufferPointer(target).copyMemory(from: bytes)
                initialized = count
            }
        }
    }

    /// Copies the elements to the start of an array that is used again and again; its other elements stay.
    ///
    /// - Parameter array: Where to. Has at least ``count`` elements.
    /// - Throws: ``TandemError/invalidInput(_:)`` where the elements are of another type, and
    ///   ``TandemError/invalidArgument(_:)`` where the array is too short.
    public func copy<Element: TensorElement>(into array: inout [Element]) throws {
        try array.withUnsafeMutableBufferPointer { try copy(into: $0) }
    }

    /// Copies the elements to the start of a buffer.
    ///
    /// - Parameter buffer: Where to. Holds at least ``count`` elements.
    /// - Throws: ``TandemError/invalidInput(_:)`` where the elements are of another type, and
    ///   ``TandemError/invalidArgument(_:)`` where the buffer is too short.
    public func copy<Element: TensorElement>(into buffer: UnsafeMutableBufferPointer<Element>) throws {
        let memory = try numbers(of: Element.self)
        guard buffer.count >= count else {
            throw TandemError(.invalidArgument, "\(count) elements do not fit into \(buffer.count)")
        }
        memory.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
    }

    /// A copy of the elements as bytes, row-major in this machine's byte order.
    ///
    /// - Returns: The bytes.
    /// - Throws: ``TandemError/invalidInput(_:)`` for strings.
    public func data() throws -> Data {
        try withUnsafeBytes { Data($0) }
    }

    /// The elements as bytes in the tensor's own memory, which the `Data` keeps alive; a copy where an array holds them.
    ///
    /// For handing an output on without a copy: to a file, a socket, a decoder. Only read it. `Data` writes in place
    /// where nobody else holds it, so a change could show in other tensors, and in the model whose memory this is.
    ///
    /// - Returns: The bytes, row-major in this machine's byte order.
    /// - Throws: ``TandemError/invalidInput(_:)`` for strings.
    public func dataNoCopy() throws -> Data {
        guard case .memory(let memory) = elements else { throw notBytes }
        return memory.dataNoCopy()
    }

    /// Calls `body` with the elements as bytes, without a copy. The pointer is not to be used after `body` returns.
    ///
    /// - Parameter body: Reads the bytes: row-major, in this machine's byte order, of any alignment.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, and ``TandemError/invalidInput(_:)`` for strings.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        guard case .memory(let memory) = elements else { throw notBytes }
        return try memory.withUnsafeBytes(body)
    }

    private var notBytes: TandemError {
        TandemError(.invalidInput, "a string tensor is made of strings, not of bytes")
    }

    private func wrongType(_ expected: DType) -> TandemError {
        TandemError(.invalidInput, "expected a tensor of \(expected), got one of \(dtype)")
    }

    private func numbers<Element: TensorElement>(of type: Element.Type) throws -> any ElementMemory {
        try Self.checkElement(type)
        return try memory(of: Element.dtype)
    }

    private func memory(of expected: DType) throws -> any ElementMemory {
        guard dtype == expected, case .memory(let memory) = elements else { throw wrongType(expected) }
        return memory
    }
}
