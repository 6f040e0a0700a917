/// A Swift number that is an element of a ``Tensor``.
///
/// Tandem conforms the number types below and expects no others; a conformance whose ``dtype`` takes another number of
/// bytes than the type itself is refused with ``TandemError/invalidArgument(_:)``. `Bool` and `String` are elements
/// too, with initializers and readers of their own.
public protocol TensorElement: BitwiseCopyable, Sendable {
    /// The element type that this Swift type stands for.
    static var dtype: DType { get }
}

extension UInt8: TensorElement {
    /// Always ``DType/u8``.
    public static var dtype: DType { .u8 }
}

extension UInt16: TensorElement {
    /// Always ``DType/u16``.
    public static var dtype: DType { .u16 }
}

extension UInt32: TensorElement {
    /// Always ``DType/u32``.
    public static var dtype: DType { .u32 }
}

extension UInt64: TensorElement {
    /// Always ``DType/u64``.
    public static var dtype: DType { .u64 }
}

extension Int8: TensorElement {
    /// Always ``DType/i8``.
    public static var dtype: DType { .i8 }
}

extension Int16: TensorElement {
    /// Always ``DType/i16``.
    public static var dtype: DType { .i16 }
}

extension Int32: TensorElement {
    /// Always ``DType/i32``.
    public static var dtype: DType { .i32 }
}

extension Int64: TensorElement {
    /// Always ``DType/i64``.
    public static var dtype: DType { .i64 }
}

extension Float: TensorElement {
    /// Always ``DType/f32``.
    public static var dtype: DType { .f32 }
}

extension Double: TensorElement {
    /// Always ``DType/f64``.
    public static var dtype: DType { .f64 }
}

// Swift has no `Float16` on Intel Macs; there, half precision goes by its bits.
#if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
    extension Float16: TensorElement {
        /// Always ``DType/f16``.
        public static var dtype: DType { .f16 }
    }
#endif
