import Foundation

internal import TandemGenerated

/// An immutable n-dimensional array: element type, shape, and elements in row-major order.
///
/// ```swift
/// let image = try Tensor(pixels, shape: [1, 1, 8, 8])
/// let prediction = try await model.predict(["image": image])
/// let scores = try prediction.output("scores").floats()
/// ```
///
/// Copies of a tensor share its memory, and it may be used on any thread. A shape of `[]` is a scalar (one element); a
/// dimension of 0 makes the tensor empty. The memory of a prediction's output belongs to Tandem and lives for as long
/// as a tensor, or `Data` from ``dataNoCopy()``, refers to it.
public struct Tensor: Sendable {
    /// The element type.
    public let dtype: DType
    /// The size of every dimension; empty for a scalar.
    public let shape: [Int]
    let elements: Elements

    /// Where the elements are.
    enum Elements: Sendable {
        case memory(any ElementMemory)
        case strings([String])
    }

    /// A tensor that shares the memory of `values`, row-major.
    ///
    /// - Parameters:
    ///   - values: The elements.
    ///   - shape: The size of every dimension; `nil` is one dimension with all the elements.
    /// - Throws: ``TandemError/invalidInput(_:)`` where the shape holds another number of elements.
    public init<Element: TensorElement>(_ values: [Element], shape: [Int]? = nil) throws {
        try Self.checkElement(Element.self)
        try self.init(Element.dtype, shape, count: values.count, .memory(ArrayMemory(values: values)))
    }

    /// A tensor with a copy of the elements in `values`, row-major.
    ///
    /// - Parameters:
    ///   - values: The elements.
    ///   - shape: The size of every dimension; `nil` is one dimension with all the elements.
    /// - Throws: ``TandemError/invalidInput(_:)`` where the shape holds another number of elements.
    public init<Element: TensorElement>(copying values: UnsafeBufferPointer<Element>, shape: [Int]? = nil) throws {
        try self.init(Array(values), shape: shape)
    }

    /// A tensor of booleans.
    ///
    /// - Parameters:
    ///   - values: The elements.
    ///   - shape: The size of every dimension; `nil` is one dimension with all the elements.
    /// - Throws: ``TandemError/invalidInput(_:)`` where the shape holds another number of elements.
    public init(_ values: [Bool], shape: [Int]? = nil) throws {
        let bytes: [UInt8] = values.map { $0 ? 1 : 0 }
        try self.init(.bool, shape, count: values.count, .memory(ArrayMemory(values: bytes)))
    }

    /// A tensor of strings.
    ///
    /// - Parameters:
    ///   - values: The elements.
    ///   - shape: The size of every dimension; `nil` is one dimension with all the elements.
    /// - Throws: ``TandemError/invalidInput(_:)`` where the shape holds another number of elements.
    public init(_ values: [String], shape: [Int]? = nil) throws {
        try self.init(.string, shape, count: values.count, .strings(values))
    }

    /// A tensor of half-precision numbers from their bits, for where Swift has no `Float16`.
    ///
    /// - Parameters:
    ///   - bits: The elements, as IEEE 754 binary16.
    ///   - shape: The size of every dimension; `nil` is one dimension with all the elements.
    /// - Throws: ``TandemError/invalidInput(_:)`` where the shape holds another number of elements.
    public init(float16Bits bits: [UInt16], shape: [Int]? = nil) throws {
        try self.init(.f16, shape, count: bits.count, .memory(ArrayMemory(values: bits)))
    }

    /// A tensor that shares the memory of `data`: row-major elements in this machine's byte order, of any alignment.
    ///
    /// - Parameters:
    ///   - data: The elements.
    ///   - dtype: The element type.
    ///   - shape: The size of every dimension.
    /// - Throws: ``TandemError/invalidInput(_:)`` where the shape takes another number of bytes, where a byte of a
    ///   ``DType/bool`` tensor is neither 0 nor 1, and for ``DType/string``.
    public init(data: Data, dtype: DType, shape: [Int]) throws {
        guard let size = dtype.size else {
            throw TandemError(.invalidInput, "a string tensor is made of strings, not of bytes")
        }
        let (expected, overflows) = try Self.count(of: shape).multipliedReportingOverflow(by: size)
        guard !overflows else { throw Self.tooLarge(shape) }
        guard expected == data.count else {
            throw TandemError(
                .invalidInput, "a tensor of \(dtype) \(shape) takes \(expected) bytes, got \(data.count)")
        }
        if dtype == .bool, let index = data.firstIndex(where: { $0 > 1 }) {
            throw TandemError(
                .invalidInput,
                "element \(index - data.startIndex) of a bool tensor is \(data[index]), expected 0 or 1")
        }
        self.init(dtype, shape, .memory(DataMemory(data: data)))
    }

    /// How many elements there are: the product of the shape.
    public var count: Int { shape.reduce(1, *) }

    private init(_ dtype: DType, _ shape: [Int]?, count: Int, _ elements: Elements) throws {
        let shape = shape ?? [count]
        let expected = try Self.count(of: shape)
        guard expected == count else {
            throw TandemError(.invalidInput, "shape \(shape) has \(expected) elements, got \(count)")
        }
        self.init(dtype, shape, elements)
    }

    init(_ dtype: DType, _ shape: [Int], _ elements: Elements) {
        self.dtype = dtype
        self.shape = shape
        self.elements = elements
    }

    /// Number of elements of a shape. The other sizes must be believable even where one is 0.
    private static func count(of shape: [Int]) throws -> Int {
        var product = 1
        for size in shape where size != 0 {
            guard size > 0 else {
                throw TandemError(.invalidInput, "shape \(shape) has a dimension of \(size)")
            }
            let (next, overflows) = product.multipliedReportingOverflow(by: size)
            guard !overflows else { throw tooLarge(shape) }
            product = next
        }
        return shape.contains(0) ? 0 : product
    }

    private static func tooLarge(_ shape: [Int]) -> TandemError {
        TandemError(.resourceLimit, "shape \(shape) is too large for this device")
    }

    static func checkElement<Element: TensorElement>(_: Element.Type) throws {
        guard Element.dtype.size == MemoryLayout<Element>.stride else {
            throw TandemError(.invalidArgument, "\(Element.self) is not an element of a tensor of \(Element.dtype)")
        }
    }
}

extension Tensor: Equatable {
    /// Same type, shape and bytes. A NaN equals the same bits of NaN, and 0.0 does not equal -0.0.
    public static func == (left: Tensor, right: Tensor) -> Bool {
        guard left.dtype == right.dtype, left.shape == right.shape else { return false }
        return switch (left.elements, right.elements) {
        case (.strings(let left), .strings(let right)): left == right
        case (.memory(let left), .memory(let right)):
            left.withUnsafeBytes { left in right.withUnsafeBytes { left.elementsEqual($0) } }
        default: false
        }
    }
}

extension Tensor: CustomStringConvertible {
    /// Element type and shape: `f32 [1, 10]`.
    public var description: String { "\(dtype) \(shape)" }
}

extension Tensor {
    /// The tensor at the boundary, under the name of an input.
    func named(_ name: String, in runtime: TandemGenerated.Runtime) throws -> TandemGenerated.NamedTensor {
        TandemGenerated.NamedTensor(name: name, tensor: try handle(in: runtime))
    }

    func handle(in runtime: TandemGenerated.Runtime) throws -> TandemGenerated.Tensor {
        let shape = self.shape.map { UInt64($0) }
        switch elements {
        case .memory(let memory):
            return try memory.handle(TensorSpec(dtype: dtype.raw, shape: shape), in: runtime)
        case .strings(let values):
            // Each goes with its length before it.
            try checkCrossing(values.reduce(0) { $0 + $1.utf8.count + MemoryLayout<Int32>.size })
            return try TandemGenerated.Tensor.fromStrings(shape: shape, values: values)
        }
    }
}
