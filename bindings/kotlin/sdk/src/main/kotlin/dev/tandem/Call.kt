package dev.tandem

import dev.tandem.ffi.CancelToken
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** What a call under way needs and the next one can use again: a token, and the buffer that inputs cross in. */
internal class Call : AutoCloseable {
    /** Stops the call. Open for as long as the call is under way. */
    val token = CancelToken()
    private var staging = EMPTY
    private var running = false
    private var cancelled = false
    private var run = 0

    /** Begins a run; gives its number. */
    @Synchronized
    fun begin(): Int {
        running = true
        return ++run
    }

    /** Stops the run of that number, if it is still under way: who cancels may come late, when the next has begun. */
    @Synchronized
    fun cancel(number: Int) {
        if (running && number == run) {
            cancelled = true
            token.cancel()
        }
    }

    /** Ends the run; gives whether there can be another. */
    @Synchronized
    fun end(): Boolean {
        running = false
        return !cancelled
    }

    /**
     * The elements of all tensors, one behind the other, from the start to the limit of a direct buffer that is good until
     * the next call of this method.
     */
    fun stage(tensors: List<HostTensor>): ByteBuffer {
        tensors.singleOrNull()?.direct?.let { return it }
        val length = tensors.fold(0L) { sum, tensor -> sum + tensor.byteLength }
        if (length > Int.MAX_VALUE) {
            throw resourceLimit("the inputs take $length bytes, the limit is ${Int.MAX_VALUE}")
        }
        val bytes = buffer(length.toInt())
        tensors.forEach { it.writeTo(bytes) }
        bytes.position(0)
        return bytes
    }

    /** Frees the token. Not to be called while the call is under way. */
    override fun close() {
        token.destroy()
    }

    private fun buffer(length: Int): ByteBuffer {
        val bytes =
            if (length <= staging.capacity()) {
                staging
            } else {
                ByteBuffer.allocateDirect(length).order(ByteOrder.nativeOrder())
            }
        if (length <= KEPT) staging = bytes
        bytes.clear()
        bytes.limit(length)
        return bytes
    }

    private companion object {
        /** The most bytes that stay with an idle call. */
        const val KEPT = 16 shl 20

        val EMPTY: ByteBuffer = ByteBuffer.allocateDirect(0)
    }
}
