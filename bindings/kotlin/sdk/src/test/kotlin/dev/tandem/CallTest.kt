package dev.tandem

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.nio.ByteBuffer

class CallTest {
    @Test
    fun `cancelling counts for the run under way only`() =
        Call().use { call ->
            val first = call.begin()
            assertTrue(call.end())
            call.cancel(first)
            val second = call.begin()
            call.cancel(first)
            assertTrue(call.end())
            call.cancel(second)

            val third = call.begin()
            call.cancel(third)
            assertFalse(call.end(), "its token is spent")
        }

    @Test
    fun `inputs lie one behind the other in one buffer that is used again`() =
        Call().use { call ->
            val bytes = Tensor.of(byteArrayOf(1, 2, 3), 3) as HostTensor
            val numbers = Tensor.of(intArrayOf(0x01010101, 0x02020202), 2) as HostTensor
            val staged = call.stage(listOf(bytes, numbers))
            assertTrue(staged.isDirect)
            val got = ByteArray(staged.remaining()).also { staged.duplicate().get(it) }
            assertEquals(listOf<Byte>(1, 2, 3, 1, 1, 1, 1, 2, 2, 2, 2), got.toList())
            assertSame(staged, call.stage(listOf(bytes)))
            assertEquals(3, staged.remaining())
        }

    @Test
    fun `a direct buffer that is the only input is not copied`() =
        Call().use { call ->
            val direct = ByteBuffer.allocateDirect(4)
            val tensor = Tensor.wrapBytes(DType.U8, direct, 4) as HostTensor
            assertSame(tensor.direct, call.stage(listOf(tensor)))
        }
}
