internal import TandemGenerated

/// The element type of a ``Tensor``.
///
/// The raw value is the short name that errors show, the same in every language: `f32`, `i64`, `bool`, `string`.
public enum DType: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// One byte an element, 0 or 1.
    case bool
    /// 8-bit unsigned integer.
    case u8
    /// 16-bit unsigned integer.
    case u16
    /// 32-bit unsigned integer.
    case u32
    /// 64-bit unsigned integer.
    case u64
    /// 8-bit signed integer.
    case i8
    /// 16-bit signed integer.
    case i16
    /// 32-bit signed integer.
    case i32
    /// 64-bit signed integer.
    case i64
    /// IEEE 754 half precision.
    case f16
    /// IEEE 754 single precision: Swift's `Float`.
    case f32
    /// IEEE 754 double precision: Swift's `Double`.
    case f64
    /// UTF-8 text of any length.
    case string

    /// Bytes an element takes, or `nil` for ``string``, whose elements have no fixed size.
    public var size: Int? {
        switch self {
        case .bool, .u8, .i8: 1
        case .u16, .i16, .f16: 2
        case .u32, .i32, .f32: 4
        case .u64, .i64, .f64: 8
        case .string: nil
        }
    }

    /// The short name.
    public var description: String { rawValue }
}

extension DType {
    init(_ raw: TandemGenerated.DType) {
        switch raw {
        case .bool: self = .bool
        case .u8: self = .u8
        case .u16: self = .u16
        case .u32: self = .u32
        case .u64: self = .u64
        case .i8: self = .i8
        case .i16: self = .i16
        case .i32: self = .i32
        case .i64: self = .i64
        case .f16: self = .f16
        case .f32: self = .f32
        case .f64: self = .f64
        case .string: self = .string
        }
    }

    var raw: TandemGenerated.DType {
        switch self {
        case .bool: .bool
        case .u8: .u8
        case .u16: .u16
        case .u32: .u32
        case .u64: .u64
        case .i8: .i8
        case .i16: .i16
        case .i32: .i32
        case .i64: .i64
        case .f16: .f16
        case .f32: .f32
        case .f64: .f64
        case .string: .string
        }
    }
}
