package dev.tandem.bionic

import com.github.unidbg.pointer.UnidbgPointer
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** A call of a function that returns a structure, for a thread of the emulated system to make. */
internal class Call(
    val symbol: String,
    val result: UnidbgPointer,
    val arguments: List<Long>,
)

/**
 * Threads of bionic's that call the library, as those of an app do. There is one processor: they take turns, where they
 * wait and after [quantum] instructions each. So what two do may interleave at any instruction, and nothing is seen of how
 * memory looks from two processors.
 */
internal class Threads(
    private val bionic: Bionic,
    quantum: Long,
) {
    private val start = bionic.code(START)

    init {
        bionic.interruptEvery(quantum)
    }

    /** Starts a thread that makes the calls one after another; its `pthread_t`. */
    fun start(calls: List<Call>): Long {
        val handle = bionic.allocate(Long.SIZE_BYTES)
        val first = calls.foldRight(0L) { call, next -> block(call, next) }
        check(bionic.callBionic("pthread_create", handle, 0L, start, first) == 0L) { "no thread was made" }
        return handle.getLong(0)
    }

    fun join(thread: Long) {
        check(bionic.callBionic("pthread_join", thread, 0L) == 0L) { "no thread $thread" }
    }

    /** What [START] reads of a call: the next one, the function, where it writes, six arguments. */
    private fun block(
        call: Call,
        next: Long,
    ): Long {
        check(call.arguments.size <= ARGUMENTS) { "${call.arguments.size} arguments" }
        val words = listOf(next, bionic.address(call.symbol), call.result.peer) + call.arguments
        val block = ByteBuffer.allocate((3 + ARGUMENTS) * Long.SIZE_BYTES).order(ByteOrder.LITTLE_ENDIAN)
        words.forEach { block.putLong(it) }
        return bionic.allocate(block.array()).peer
    }

    private companion object {
        /** Of those that are passed in registers. */
        const val ARGUMENTS = 6

        val START =
            intArrayOf(
                0xa9be7bfd.toInt(), // stp x29, x30, [sp, #-32]!
                0xf9000bf3.toInt(), // str x19, [sp, #16]
                0xaa0003f3.toInt(), // mov x19, x0
                0xa940a270.toInt(), // 1: ldp x16, x8, [x19, #8]
                0xa9418660.toInt(), // ldp x0, x1, [x19, #24]
                0xa9428e62.toInt(), // ldp x2, x3, [x19, #40]
                0xa9439664.toInt(), // ldp x4, x5, [x19, #56]
                0xd63f0200.toInt(), // blr x16
                0xf9400273.toInt(), // ldr x19, [x19]
                0xb5ffff53.toInt(), // cbnz x19, 1b
                0xaa1f03e0.toInt(), // mov x0, xzr
                0xf9400bf3.toInt(), // ldr x19, [sp, #16]
                0xa8c27bfd.toInt(), // ldp x29, x30, [sp], #32
                0xd65f03c0.toInt(), // ret
            )
    }
}
