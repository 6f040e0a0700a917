package dev.tandem

import java.nio.Buffer
import java.nio.ByteBuffer
import java.nio.DoubleBuffer
import java.nio.FloatBuffer
import java.nio.IntBuffer
import java.nio.LongBuffer
import java.nio.ShortBuffer

/**
 * A tensor whose elements lie in memory of the JVM: in [elements], a buffer of the kind that [typed] names, and for a
 * direct buffer also in [direct].
 */
internal class HostTensor(
    dtype: DType,
    shape: List<Long>,
    private val elements: Buffer,
    val direct: ByteBuffer?,
) : Tensor(dtype, shape) {
    /** Bytes that the elements take. */
    val byteLength: Long = elementCount * (dtype.byteSize ?: 0)

    /** Writes the elements at the buffer's position and moves it behind them. The buffer is direct, in native order. */
    fun writeTo(bytes: ByteBuffer) {
        when (val from = elements) {
            is ByteBuffer -> bytes.duplicate().put(from.duplicate())
            is FloatBuffer -> bytes.asFloatBuffer().put(from.duplicate())
            is DoubleBuffer -> bytes.asDoubleBuffer().put(from.duplicate())
            is ShortBuffer -> bytes.asShortBuffer().put(from.duplicate())
            is IntBuffer -> bytes.asIntBuffer().put(from.duplicate())
            is LongBuffer -> bytes.asLongBuffer().put(from.duplicate())
        }
        bytes.position(bytes.position() + byteLength.toInt())
    }

    override fun toStrings(): List<String> = throw invalidInput("a tensor of $dtype cannot be read as strings")

    override fun read(
        into: FloatArray,
        offset: Int,
    ) {
        (elements as FloatBuffer).duplicate().get(into, offset, size())
    }

    override fun read(
        into: DoubleArray,
        offset: Int,
    ) {
        (elements as DoubleBuffer).duplicate().get(into, offset, size())
    }

    override fun read(
        into: ByteArray,
        offset: Int,
    ) {
        (elements as ByteBuffer).duplicate().get(into, offset, size())
    }

    override fun read(
        into: ShortArray,
        offset: Int,
    ) {
        (elements as ShortBuffer).duplicate().get(into, offset, size())
    }

    override fun read(
        into: IntArray,
        offset: Int,
    ) {
        (elements as IntBuffer).duplicate().get(into, offset, size())
    }

    override fun read(
        into: LongArray,
        offset: Int,
    ) {
        (elements as LongBuffer).duplicate().get(into, offset, size())
    }
}

/** A tensor of strings in memory of the JVM. */
internal class StringTensor(
    shape: List<Long>,
    private val strings: List<String>,
) : Tensor(DType.STRING, shape) {
    override fun toStrings(): List<String> = strings

    override fun read(
        into: FloatArray,
        offset: Int,
    ): Unit = unreachable()

    override fun read(
        into: DoubleArray,
        offset: Int,
    ): Unit = unreachable()

    override fun read(
        into: ByteArray,
        offset: Int,
    ): Unit = unreachable()

    override fun read(
        into: ShortArray,
        offset: Int,
    ): Unit = unreachable()

    override fun read(
        into: IntArray,
        offset: Int,
    ): Unit = unreachable()

    override fun read(
        into: LongArray,
        offset: Int,
    ): Unit = unreachable()

    /** The callers of `read` have checked the type, and no array stands for strings. */
    private fun unreachable(): Nothing = throw invalidInput("a tensor of strings cannot be read as numbers")
}

/** A tensor over [elements], after the checks that keep type, shape and buffer in step. */
internal fun hostTensor(
    dtype: DType,
    shape: LongArray,
    elements: Buffer,
    direct: ByteBuffer? = null,
): Tensor {
    val fits =
        when (elements) {
            is ByteBuffer -> dtype == DType.BOOL || dtype == DType.U8 || dtype == DType.I8
            is ShortBuffer -> dtype == DType.U16 || dtype == DType.I16 || dtype == DType.F16
            is IntBuffer -> dtype == DType.U32 || dtype == DType.I32
            is LongBuffer -> dtype == DType.U64 || dtype == DType.I64
            is FloatBuffer -> dtype == DType.F32
            is DoubleBuffer -> dtype == DType.F64
            else -> false
        }
    if (!fits) throw invalidInput("elements of this kind are not a tensor of $dtype")
    return HostTensor(dtype, checkedShape(shape, elements.remaining().toLong()), elements, direct)
}

/** The bytes as the kind of buffer that holds elements of [dtype]. */
internal fun ByteBuffer.typed(dtype: DType): Buffer =
    when (dtype) {
        DType.BOOL, DType.U8, DType.I8, DType.STRING -> this
        DType.U16, DType.I16, DType.F16 -> asShortBuffer()
        DType.U32, DType.I32 -> asIntBuffer()
        DType.U64, DType.I64 -> asLongBuffer()
        DType.F32 -> asFloatBuffer()
        DType.F64 -> asDoubleBuffer()
    }

/** The shape as a list, where it holds [count] elements. */
internal fun checkedShape(
    shape: LongArray,
    count: Long,
): List<Long> {
    shape.firstOrNull { it < 0 }?.let { throw invalidInput("a dimension of $it is less than nought") }
    val expected = if (0L in shape) 0L else product(shape)
    if (expected != count) {
        throw invalidInput("shape ${shape.contentToString()} has $expected elements, got $count")
    }
    return shape.toList()
}

private fun product(shape: LongArray): Long =
    shape.fold(1L) { product, size ->
        if (product > Long.MAX_VALUE / size) {
            throw resourceLimit("shape ${shape.contentToString()} is too large for this device")
        }
        product * size
    }
