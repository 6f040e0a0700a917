package dev.tandem

/** Half-precision numbers, which Kotlin has no type for: tensors of [DType.F16] are made and read as their bits. */
public object Float16 {
    /** The numbers whose bits these are. Exact: every half-precision number is a [Float]. */
    public fun toFloats(bits: ShortArray): FloatArray = FloatArray(bits.size) { toFloat(bits[it]) }

    /** The bits of the nearest half-precision numbers, ties to even. Numbers beyond 65,504 become infinite. */
    public fun fromFloats(values: FloatArray): ShortArray = ShortArray(values.size) { fromFloat(values[it]) }

    /** The number whose bits these are. */
    public fun toFloat(bits: Short): Float {
        val magnitude = bits.toInt() and 0x7fff
        val sign = (bits.toInt() and 0x8000) shl 16
        val widened =
            when {
                magnitude >= 0x7c00 -> 0x7f800000 or ((magnitude and 0x3ff) shl 13)
                magnitude >= 0x400 -> (magnitude shl 13) + ((127 - 15) shl 23)
                else -> (magnitude * SUBNORMAL).toRawBits()
            }
        return Float.fromBits(sign or widened)
    }

    /** The bits of the nearest half-precision number, ties to even. */
    public fun fromFloat(value: Float): Short {
        val bits = value.toRawBits()
        val sign = (bits ushr 16) and 0x8000
        val magnitude = bits and 0x7fffffff
        val narrowed =
            when {
                magnitude > 0x7f800000 -> 0x7e00 or ((magnitude ushr 13) and 0x3ff)

                magnitude >= OVERFLOW -> 0x7c00

                magnitude >= SMALLEST_NORMAL -> round(magnitude - ((127 - 15) shl 23), 13)

                // Adding brings the bits of the result to the bottom of the sum, rounded as the addition rounds.
                else -> (Float.fromBits(magnitude) + SHIFTER).toRawBits() - SHIFTER.toRawBits()
            }
        return (sign or narrowed).toShort()
    }

    private fun round(
        bits: Int,
        drop: Int,
    ): Int {
        val half = (1 shl (drop - 1)) - 1
        return (bits + half + ((bits ushr drop) and 1)) ushr drop
    }

    /** The smallest half-precision number: 2⁻²⁴. */
    private const val SUBNORMAL = 5.9604645e-8f

    /** A unit in its last place is 2⁻²⁴, the smallest half-precision number. */
    private const val SHIFTER = 0.5f

    /** The bits of 65,520, the first number that rounds to infinity. */
    private const val OVERFLOW = 0x477ff000

    /** The bits of 2⁻¹⁴. */
    private const val SMALLEST_NORMAL = 0x38800000
}
