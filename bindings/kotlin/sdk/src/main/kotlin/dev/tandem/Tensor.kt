package dev.tandem

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.DoubleBuffer
import java.nio.FloatBuffer
import java.nio.IntBuffer
import java.nio.LongBuffer
import java.nio.ShortBuffer

/**
 * An immutable n-dimensional array: element type, shape and elements in row-major order.
 *
 * Tensors are made by the functions of the companion and come out of a [Prediction]. The latter can be read, and given
 * to another model, while their prediction is open; after that every reading fails with [TandemException.Closed]. Any
 * number of threads may read a tensor at once.
 *
 * ```kotlin
 * val image = Tensor.of(pixels, 1, 3, 224, 224)
 * val scores = model.predict(mapOf("image" to image)).use { it["scores"].toFloatArray() }
 * ```
 *
 * `toXArray` makes a new array. In a loop, [copyInto] an array of your own instead: a fresh array for every picture keeps
 * the garbage collector busy.
 *
 * @property dtype the element type. Each is read and made as the array that it names.
 * @property shape the size of every dimension; empty for a scalar, which has one element.
 */
public sealed class Tensor(
    public val dtype: DType,
    public val shape: List<Long>,
) {
    /** How many elements there are: the product of the shape. */
    public val elementCount: Long = shape.fold(1L) { count, size -> count * size }

    /** The elements of a tensor of [DType.F32]. */
    public fun toFloatArray(): FloatArray = FloatArray(count("FloatArray", DType.F32)).also { read(it, 0) }

    /** The elements of a tensor of [DType.F64]. */
    public fun toDoubleArray(): DoubleArray = DoubleArray(count("DoubleArray", DType.F64)).also { read(it, 0) }

    /** The elements of a tensor of [DType.I8] or [DType.U8]. */
    public fun toByteArray(): ByteArray = ByteArray(count("ByteArray", DType.I8, DType.U8)).also { read(it, 0) }

    /** The elements of a tensor of [DType.I16], [DType.U16] or [DType.F16], the latter as bits. */
    public fun toShortArray(): ShortArray =
        ShortArray(count("ShortArray", DType.I16, DType.U16, DType.F16)).also { read(it, 0) }

    /** The elements of a tensor of [DType.I32] or [DType.U32]. */
    public fun toIntArray(): IntArray = IntArray(count("IntArray", DType.I32, DType.U32)).also { read(it, 0) }

    /** The elements of a tensor of [DType.I64] or [DType.U64]. */
    public fun toLongArray(): LongArray = LongArray(count("LongArray", DType.I64, DType.U64)).also { read(it, 0) }

    /** The elements of a tensor of [DType.BOOL]. */
    public fun toBooleanArray(): BooleanArray {
        val bytes = ByteArray(count("BooleanArray", DType.BOOL)).also { read(it, 0) }
        return BooleanArray(bytes.size) { bytes[it] != 0.toByte() }
    }

    /** The elements of a tensor of [DType.STRING]. */
    public abstract fun toStrings(): List<String>

    /**
     * Copies the elements of a tensor of [DType.F32] into [destination], from [offset] on.
     *
     * @return how many elements were copied: all of them.
     */
    @JvmOverloads
    public fun copyInto(
        destination: FloatArray,
        offset: Int = 0,
    ): Int = fitted(count("FloatArray", DType.F32), destination.size, offset).also { read(destination, offset) }

    /** Copies the elements of a tensor of [DType.F64] into [destination], as the form for [FloatArray] does. */
    @JvmOverloads
    public fun copyInto(
        destination: DoubleArray,
        offset: Int = 0,
    ): Int = fitted(count("DoubleArray", DType.F64), destination.size, offset).also { read(destination, offset) }

    /** Copies the elements of a tensor of [DType.I8] or [DType.U8], as the form for [FloatArray] does. */
    @JvmOverloads
    public fun copyInto(
        destination: ByteArray,
        offset: Int = 0,
    ): Int =
        fitted(count("ByteArray", DType.I8, DType.U8), destination.size, offset)
            .also { read(destination, offset) }

    /** Copies the elements of a tensor of [DType.I16], [DType.U16] or [DType.F16], as the form for [FloatArray] does. */
    @JvmOverloads
    public fun copyInto(
        destination: ShortArray,
        offset: Int = 0,
    ): Int =
        fitted(count("ShortArray", DType.I16, DType.U16, DType.F16), destination.size, offset)
            .also { read(destination, offset) }

    /** Copies the elements of a tensor of [DType.I32] or [DType.U32], as the form for [FloatArray] does. */
    @JvmOverloads
    public fun copyInto(
        destination: IntArray,
        offset: Int = 0,
    ): Int =
        fitted(count("IntArray", DType.I32, DType.U32), destination.size, offset)
            .also { read(destination, offset) }

    /** Copies the elements of a tensor of [DType.I64] or [DType.U64], as the form for [FloatArray] does. */
    @JvmOverloads
    public fun copyInto(
        destination: LongArray,
        offset: Int = 0,
    ): Int =
        fitted(count("LongArray", DType.I64, DType.U64), destination.size, offset)
            .also { read(destination, offset) }

    override fun toString(): String = "Tensor($dtype $shape)"

    /** Reads all elements of a tensor of a fitting type into the array, from the offset on. The array is long enough. */
    internal abstract fun read(
        into: FloatArray,
        offset: Int,
    )

    internal abstract fun read(
        into: DoubleArray,
        offset: Int,
    )

    internal abstract fun read(
        into: ByteArray,
        offset: Int,
    )

    internal abstract fun read(
        into: ShortArray,
        offset: Int,
    )

    internal abstract fun read(
        into: IntArray,
        offset: Int,
    )

    internal abstract fun read(
        into: LongArray,
        offset: Int,
    )

    /** The number of elements, where the tensor is of one of these types. */
    private fun count(
        array: String,
        vararg types: DType,
    ): Int {
        if (dtype !in types) {
            throw invalidInput("a tensor of $dtype cannot be read as $array, which stands for ${types.joinToString()}")
        }
        return size()
    }

    /** The number of elements, which fits an array. */
    internal fun size(): Int {
        if (elementCount > Int.MAX_VALUE) {
            throw resourceLimit("a tensor of $elementCount elements does not fit an array")
        }
        return elementCount.toInt()
    }

    private fun fitted(
        count: Int,
        size: Int,
        offset: Int,
    ): Int {
        if (offset < 0 || offset > size || count > size - offset) {
            throw invalidArgument("a tensor of $count elements does not fit an array of $size at $offset")
        }
        return count
    }

    /**
     * Makes tensors.
     *
     * `of` copies, so that the tensor cannot change. `wrap` does not: the array or buffer must not change while a call
     * uses the tensor, which suits a loop that fills the same array for every picture.
     *
     * All fail with [TandemException.InvalidInput] where the shape does not hold as many elements as there are, or the
     * element type is not one that the array stands for. A tensor without a shape is a scalar.
     */
    public companion object {
        /** A tensor of [DType.F32]. */
        @JvmStatic
        public fun of(
            values: FloatArray,
            vararg shape: Long,
        ): Tensor = wrap(values.copyOf(), *shape)

        /** A tensor of [DType.F32] of what remains in the buffer. */
        @JvmStatic
        public fun of(
            values: FloatBuffer,
            vararg shape: Long,
        ): Tensor = wrap(FloatArray(values.remaining()).also { values.duplicate().get(it) }, *shape)

        /** A tensor of [DType.F64]. */
        @JvmStatic
        public fun of(
            values: DoubleArray,
            vararg shape: Long,
        ): Tensor = hostTensor(DType.F64, shape, DoubleBuffer.wrap(values.copyOf()))

        /** A tensor of [DType.I8] or [DType.U8]. */
        @JvmStatic
        public fun of(
            values: ByteArray,
            vararg shape: Long,
            dtype: DType = DType.U8,
        ): Tensor = wrap(values.copyOf(), *shape, dtype = dtype)

        /** A tensor of [DType.I16], [DType.U16], or the bits of [DType.F16]. */
        @JvmStatic
        public fun of(
            values: ShortArray,
            vararg shape: Long,
            dtype: DType = DType.I16,
        ): Tensor = hostTensor(dtype, shape, ShortBuffer.wrap(values.copyOf()))

        /** A tensor of [DType.I32] or [DType.U32]. */
        @JvmStatic
        public fun of(
            values: IntArray,
            vararg shape: Long,
            dtype: DType = DType.I32,
        ): Tensor = hostTensor(dtype, shape, IntBuffer.wrap(values.copyOf()))

        /** A tensor of [DType.I64] or [DType.U64]. */
        @JvmStatic
        public fun of(
            values: LongArray,
            vararg shape: Long,
            dtype: DType = DType.I64,
        ): Tensor = hostTensor(dtype, shape, LongBuffer.wrap(values.copyOf()))

        /** A tensor of [DType.BOOL]. */
        @JvmStatic
        public fun of(
            values: BooleanArray,
            vararg shape: Long,
        ): Tensor {
            val bytes = ByteArray(values.size) { if (values[it]) 1 else 0 }
            return hostTensor(DType.BOOL, shape, ByteBuffer.wrap(bytes))
        }

        /** A tensor of [DType.STRING]. */
        @JvmStatic
        public fun of(
            values: List<String>,
            vararg shape: Long,
        ): Tensor = StringTensor(checkedShape(shape, values.size.toLong()), values.toList())

        /** A tensor of any type but [DType.STRING], of what remains in a buffer of elements in native byte order. */
        @JvmStatic
        public fun ofBytes(
            dtype: DType,
            bytes: ByteBuffer,
            vararg shape: Long,
        ): Tensor {
            val copy = ByteBuffer.allocate(bytes.remaining())
            copy.put(bytes.duplicate())
            copy.rewind()
            return wrapBytes(dtype, copy, *shape)
        }

        /** A tensor of [DType.F32] over this array, without a copy. */
        @JvmStatic
        public fun wrap(
            values: FloatArray,
            vararg shape: Long,
        ): Tensor = hostTensor(DType.F32, shape, FloatBuffer.wrap(values))

        /** A tensor of [DType.I8] or [DType.U8] over this array, without a copy. */
        @JvmStatic
        public fun wrap(
            values: ByteArray,
            vararg shape: Long,
            dtype: DType = DType.U8,
        ): Tensor = hostTensor(dtype, shape, ByteBuffer.wrap(values))

        /**
         * A tensor of any type but [DType.STRING] over what remains in a buffer of elements in native byte order, without a
         * copy. A direct buffer that is a call's only input crosses into the engine with a single copy.
         */
        @JvmStatic
        public fun wrapBytes(
            dtype: DType,
            bytes: ByteBuffer,
            vararg shape: Long,
        ): Tensor {
            val elements = bytes.slice().order(ByteOrder.nativeOrder())
            val size = dtype.byteSize ?: throw invalidInput("a string tensor is made of strings, not of bytes")
            if (elements.remaining() % size != 0) {
                throw invalidInput("${elements.remaining()} bytes are not a whole number of $dtype")
            }
            return hostTensor(dtype, shape, elements.typed(dtype), elements.takeIf { it.isDirect })
        }
    }
}
