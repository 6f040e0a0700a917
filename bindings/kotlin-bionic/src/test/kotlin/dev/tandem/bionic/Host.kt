package dev.tandem.bionic

import com.github.unidbg.arm.context.RegisterContext
import com.github.unidbg.pointer.UnidbgPointer
import dev.tandem.ffi.DeviceState
import dev.tandem.ffi.FfiConverterTypeDeviceState
import dev.tandem.ffi.FfiConverterTypeHostFailure
import dev.tandem.ffi.HostFailure
import java.util.ArrayDeque

/**
 * What the host implements for the library: a log and the device's state. Inside a callback the library cannot be called,
 * so answers are put into its buffers beforehand, and the buffers that it gives away are freed afterwards.
 */
internal class Host(
    private val bionic: Bionic,
    private val facade: Facade,
) {
    private val received = mutableListOf<UnidbgPointer>()
    private val answers = ArrayDeque<Answer>()

    /** The messages that were logged, in order. */
    val logged = mutableListOf<String>()

    private class Answer(
        val status: Byte,
        val buffer: ByteArray,
    )

    init {
        register("logsink") { context ->
            // handle, level, target, message, nothing, status
            logged += facade.peek(context.getPointerArg(3)).decodeToString()
            (1..3).forEach { received += bionic.allocate(bytes(context.getPointerArg(it))) }
            0
        }
        register("devicestateprovider") { context ->
            // handle, answer, status
            val answer = answers.removeFirst()
            val status = context.getPointerArg(2)
            status.setByte(0, answer.status)
            val place = if (answer.status == 0.toByte()) context.getPointerArg(1) else status.share(8)
            place.write(0, answer.buffer, 0, answer.buffer.size)
            0
        }
    }

    /** What the next question for the device's state is answered with. */
    fun willAnswer(state: DeviceState) {
        answers += Answer(0, bytes(facade.lower(FfiConverterTypeDeviceState, state)))
    }

    /** What the next question for the device's state fails with. */
    fun willFail(detail: String) {
        answers += Answer(1, bytes(facade.lower(FfiConverterTypeHostFailure, HostFailure.Failed(detail))))
    }

    /** Frees what the library gave away, and answers that nobody asked for. */
    fun release() {
        received.forEach { facade.take(it) }
        received.clear()
        answers.forEach { facade.take(bionic.allocate(it.buffer)) }
        answers.clear()
    }

    private fun register(
        trait: String,
        method: (RegisterContext) -> Long,
    ) {
        val table = bionic.allocate(ByteArray(3 * Long.SIZE_BYTES))
        table.setPointer(0, bionic.callback { 0L })
        // Every clone gets a handle of its own; odd numbers are the host's.
        table.setPointer(8, bionic.callback { it.getLongArg(0) + 2 })
        table.setPointer(16, bionic.callback(method))
        bionic.call("uniffi_tandem_ffi_fn_init_callback_vtable_$trait", table)
    }

    private fun bytes(buffer: UnidbgPointer) = buffer.getByteArray(0, Facade.BUFFER)

    companion object {
        /** The handle of the host's log and of its provider: one of each. */
        const val HANDLE = 1L
    }
}
