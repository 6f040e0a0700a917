package dev.tandem

import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer

class TensorTest {
    @Test
    fun `of copies and wrap does not`() {
        val values = floatArrayOf(1f, 2f)
        val copied = Tensor.of(values, 2)
        val wrapped = Tensor.wrap(values, 2)
        values[0] = 9f
        assertArrayEquals(floatArrayOf(1f, 2f), copied.toFloatArray())
        assertArrayEquals(floatArrayOf(9f, 2f), wrapped.toFloatArray())
    }

    @Test
    fun `a shape that does not hold the elements is refused with both counts`() {
        val failure = assertThrows(TandemException.InvalidInput::class.java) { Tensor.of(FloatArray(5), 2, 3) }
        assertEquals("shape [2, 3] has 6 elements, got 5", failure.message)
        assertThrows(TandemException.InvalidInput::class.java) { Tensor.of(FloatArray(2), -1, -2) }
        assertThrows(TandemException.ResourceLimit::class.java) { Tensor.of(FloatArray(2), Long.MAX_VALUE, 4) }
        assertThrows(TandemException.InvalidInput::class.java) { Tensor.of(listOf("a"), 2) }
    }

    @Test
    fun `scalars and empty tensors are tensors`() {
        assertEquals(1, Tensor.of(floatArrayOf(3f)).elementCount)
        val empty = Tensor.of(FloatArray(0), 4, 0)
        assertEquals(0, empty.elementCount)
        assertEquals(0, empty.toFloatArray().size)
    }

    @Test
    fun `an array stands for its element types only`() {
        assertThrows(TandemException.InvalidInput::class.java) { Tensor.of(IntArray(1), 1, dtype = DType.F32) }
        assertThrows(TandemException.InvalidInput::class.java) { Tensor.of(ShortArray(1), 1, dtype = DType.U8) }
        val failure =
            assertThrows(TandemException.InvalidInput::class.java) { Tensor.of(IntArray(1), 1).toFloatArray() }
        assertEquals("a tensor of i32 cannot be read as FloatArray, which stands for f32", failure.message)
        assertThrows(TandemException.InvalidInput::class.java) { Tensor.of(IntArray(1), 1).toStrings() }
        assertThrows(TandemException.InvalidInput::class.java) { Tensor.of(listOf("a"), 1).toByteArray() }
    }

    @Test
    fun `a copy goes into an array from an offset on`() {
        val into = FloatArray(4)
        assertEquals(2, Tensor.of(floatArrayOf(1f, 2f), 2).copyInto(into, 1))
        assertArrayEquals(floatArrayOf(0f, 1f, 2f, 0f), into)
        val tensor = Tensor.of(floatArrayOf(1f, 2f), 2)
        for (offset in listOf(3, -1, 5, Int.MAX_VALUE, Int.MIN_VALUE)) {
            assertThrows(TandemException.InvalidArgument::class.java) { tensor.copyInto(into, offset) }
        }
    }

    @Test
    fun `buffers are read from their position to their limit and left as they were`() {
        val floats = FloatBuffer.wrap(floatArrayOf(0f, 1f, 2f, 3f))
        floats.position(1)
        floats.limit(3)
        assertArrayEquals(floatArrayOf(1f, 2f), Tensor.of(floats, 2).toFloatArray())
        assertEquals(1, floats.position())

        for (bytes in listOf(ByteBuffer.allocate(16), ByteBuffer.allocateDirect(16))) {
            bytes.order(ByteOrder.nativeOrder())
            for (value in 0 until 4) bytes.putInt(value)
            bytes.position(4)
            bytes.limit(12)
            assertArrayEquals(intArrayOf(1, 2), Tensor.ofBytes(DType.I32, bytes, 2).toIntArray())
            assertArrayEquals(intArrayOf(1, 2), Tensor.wrapBytes(DType.U32, bytes, 2).toIntArray())
            assertEquals(4, bytes.position())
            assertThrows(TandemException.InvalidInput::class.java) { Tensor.ofBytes(DType.F64, bytes, 2) }
            assertThrows(TandemException.InvalidInput::class.java) { Tensor.ofBytes(DType.STRING, bytes, 2) }
        }
        assertThrows(TandemException.InvalidInput::class.java) { Tensor.ofBytes(DType.I32, ByteBuffer.allocate(6), 1) }
    }

    @Test
    fun `every half goes to a float and back`() {
        for (bits in Short.MIN_VALUE..Short.MAX_VALUE) {
            val value = Float16.toFloat(bits.toShort())
            if (value.isNaN()) {
                assertTrue(Float16.toFloat(Float16.fromFloat(value)).isNaN())
            } else {
                assertEquals(bits.toShort(), Float16.fromFloat(value))
            }
        }
    }

    @Test
    fun `floats round to the nearest half, ties to even`() {
        val expected =
            mapOf(
                1f to 0x3c00,
                -2f to 0xc000,
                65_504f to 0x7bff,
                65_519f to 0x7bff,
                65_520f to 0x7c00,
                Float.POSITIVE_INFINITY to 0x7c00,
                5.9604645e-8f to 0x0001,
                2.9802322e-8f to 0x0000,
                2.9802326e-8f to 0x0001,
                8.940697e-8f to 0x0002,
                6.1035156e-5f to 0x0400,
                // Halfway between 1 and the next half, and between that and the one after it.
                1.00048828125f to 0x3c00,
                1.00146484375f to 0x3c02,
                0.1f to 0x2e66,
            )
        for ((value, bits) in expected) assertEquals(bits.toShort(), Float16.fromFloat(value), "$value")
        assertArrayEquals(floatArrayOf(0.5f, -4f), Float16.toFloats(Float16.fromFloats(floatArrayOf(0.5f, -4f))))
    }
}
