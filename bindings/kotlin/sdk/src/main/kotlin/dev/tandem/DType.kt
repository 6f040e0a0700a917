package dev.tandem

/**
 * The element type of a [Tensor].
 *
 * @property id the short name that every language of Tandem uses: `f32`, `i64`, `bool`, `string`.
 * @property byteSize bytes that an element takes, or `null` for [STRING].
 */
public enum class DType(
    public val id: String,
    public val byteSize: Int?,
) {
    /** One byte an element, 0 or 1. Read and made as [BooleanArray]. */
    BOOL("bool", 1),

    /** 8-bit unsigned integer. Read and made as [ByteArray], bit for bit. */
    U8("u8", 1),

    /** 16-bit unsigned integer. Read and made as [ShortArray], bit for bit. */
    U16("u16", 2),

    /** 32-bit unsigned integer. Read and made as [IntArray], bit for bit. */
    U32("u32", 4),

    /** 64-bit unsigned integer. Read and made as [LongArray], bit for bit. */
    U64("u64", 8),

    /** 8-bit signed integer. Read and made as [ByteArray]. */
    I8("i8", 1),

    /** 16-bit signed integer. Read and made as [ShortArray]. */
    I16("i16", 2),

    /** 32-bit signed integer. Read and made as [IntArray]. */
    I32("i32", 4),

    /** 64-bit signed integer. Read and made as [LongArray]. */
    I64("i64", 8),

    /** IEEE 754 half precision. Read and made as [ShortArray] of its bits; see [Float16]. */
    F16("f16", 2),

    /** IEEE 754 single precision. Read and made as [FloatArray]. */
    F32("f32", 4),

    /** IEEE 754 double precision. Read and made as [DoubleArray]. */
    F64("f64", 8),

    /** UTF-8 text of any length. Read and made as a list of [String]. */
    STRING("string", null),
    ;

    override fun toString(): String = id
}
