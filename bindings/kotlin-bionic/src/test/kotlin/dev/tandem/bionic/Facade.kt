package dev.tandem.bionic

import com.github.unidbg.pointer.UnidbgPointer
import com.sun.jna.Pointer
import dev.tandem.ffi.FfiConverterRustBuffer
import dev.tandem.ffi.FfiConverterTypeTandemFailure
import java.nio.ByteBuffer

/** A panic of the library, as it reaches the host. */
internal class Panicked(
    message: String,
) : Exception(message)

/**
 * Calls the library as the generated code does, with that code's own conversions of records. Objects are the handles of
 * UniFFI, which a call consumes.
 */
internal class Facade(
    private val bionic: Bionic,
) {
    /** Calls a function, a constructor or a method of the facade and throws what it failed with. */
    fun call(
        name: String,
        vararg arguments: Any,
    ): Long = checked { bionic.call(PREFIX + "fn_" + name, *arguments, it) }

    /** The same for one that returns a buffer, which is freed. */
    fun callForBytes(
        name: String,
        vararg arguments: Any,
    ): ByteArray = take(checked { bionic.callForStructure(BUFFER, PREFIX + "fn_" + name, *arguments, it) })

    /** A call of a function that returns a buffer, for a thread to make; [finish] tells what it returned. */
    fun prepare(
        name: String,
        vararg arguments: Any,
    ): Prepared {
        val status = status()
        val registers = (arguments.asList() + status).map { if (it is UnidbgPointer) it.peer else it as Long }
        return Prepared(Call(PREFIX + "fn_" + name, bionic.allocate(BUFFER), registers), status)
    }

    internal class Prepared(
        val call: Call,
        val status: UnidbgPointer,
    )

    /** What a call returned that was made meanwhile. The buffer is freed. */
    fun finish(prepared: Prepared): ByteArray {
        throwFailure(prepared.status)
        return take(prepared.call.result)
    }

    fun <T> callFor(
        converter: FfiConverterRustBuffer<T>,
        name: String,
        vararg arguments: Any,
    ): T = read(converter, callForBytes(name, *arguments))

    /** Another handle of the same object, for a call to consume. */
    fun clone(
        type: String,
        handle: Long,
    ): Long = call("clone_$type", handle)

    fun free(
        type: String,
        handle: Long,
    ) {
        call("free_$type", handle)
    }

    fun <T> lower(
        converter: FfiConverterRustBuffer<T>,
        value: T,
    ): UnidbgPointer = lower(bytes(converter, value))

    /** A value as it crosses the boundary. */
    fun <T> bytes(
        converter: FfiConverterRustBuffer<T>,
        value: T,
    ): ByteArray {
        val bytes = ByteBuffer.allocate(converter.allocationSize(value).toInt())
        converter.write(value, bytes)
        // Strings allocate three bytes for each character.
        return bytes.array().copyOf(bytes.position())
    }

    /** A buffer of the library's, as a parameter of type string takes it too. */
    fun lower(bytes: ByteArray): UnidbgPointer {
        val buffer = reserve(bytes.size.toLong())
        if (bytes.isNotEmpty()) buffer.getPointer(DATA).write(0, bytes, 0, bytes.size)
        buffer.setLong(LENGTH, bytes.size.toLong())
        return buffer
    }

    /** A buffer of the library's of that size. */
    fun reserve(size: Long): UnidbgPointer =
        checked { bionic.callForStructure(BUFFER, "ffi_tandem_ffi_rustbuffer_alloc", size, it) }

    /** The two arguments that stand for a parameter of type `&[u8]`. */
    fun lend(bytes: ByteArray): Array<Any> = arrayOf(bytes.size, bionic.allocate(bytes))

    /** The bytes of a buffer of the library's, which is freed. */
    fun take(buffer: UnidbgPointer): ByteArray {
        val bytes = peek(buffer)
        bionic.call("ffi_tandem_ffi_rustbuffer_free", buffer, status())
        return bytes
    }

    /** The bytes of a buffer of the library's, which stays. */
    fun peek(buffer: Pointer): ByteArray {
        val size = buffer.getLong(LENGTH).toInt()
        return if (size == 0) ByteArray(0) else buffer.getPointer(DATA).getByteArray(0, size)
    }

    fun <T> read(
        converter: FfiConverterRustBuffer<T>,
        bytes: ByteArray,
    ): T {
        val buffer = ByteBuffer.wrap(bytes)
        val value = converter.read(buffer)
        check(!buffer.hasRemaining()) { "${buffer.remaining()} bytes are left of ${bytes.size}" }
        return value
    }

    private fun status() = bionic.allocate(ByteArray(STATUS))

    private fun <T> checked(call: (UnidbgPointer) -> T): T {
        val status = status()
        val result = call(status)
        throwFailure(status)
        return result
    }

    /** Throws what a call failed with. */
    private fun throwFailure(status: UnidbgPointer) {
        when (val code = status.getByte(0).toInt()) {
            0 -> return
            1 -> throw read(FfiConverterTypeTandemFailure, take(status.share(8) as UnidbgPointer))
            2 -> throw Panicked(take(status.share(8) as UnidbgPointer).decodeToString())
            else -> error("no status $code")
        }
    }

    companion object {
        private const val PREFIX = "uniffi_tandem_ffi_"

        // A RustBuffer: capacity, length, address. A RustCallStatus: a code and a RustBuffer.
        const val BUFFER = 24
        private const val LENGTH = 8L
        private const val DATA = 16L
        private const val STATUS = 32
    }
}
