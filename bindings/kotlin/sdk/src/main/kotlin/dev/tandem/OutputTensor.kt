package dev.tandem

import com.sun.jna.Pointer
import dev.tandem.ffi.Output
import dev.tandem.ffi.Outputs
import dev.tandem.ffi.Tensor as NativeTensor

/**
 * The memory behind a prediction's outputs.
 *
 * The lock is what makes addresses safe: whoever reads holds it, so the memory cannot be freed meanwhile, neither by
 * [close] nor by the garbage collector, which would need this object to be unreachable.
 */
internal class OutputMemory(
    private val outputs: Outputs,
) : AutoCloseable {
    private var open = true

    fun <T> reading(block: (Outputs) -> T): T =
        synchronized(this) {
            if (!open) throw closed("prediction")
            block(outputs)
        }

    override fun close(): Unit =
        synchronized(this) {
            open = false
            outputs.destroy()
        }
}

/** An output, which stays on the other side until it is read. */
internal class OutputTensor(
    private val memory: OutputMemory,
    private val index: Int,
    private val output: Output,
) : Tensor(output.dtype.toPublic(), output.shape.map { it.toLong() }) {
    /** A handle to the same memory, to be an input again. The caller destroys it. */
    fun share(): NativeTensor = memory.reading { native { it.tensor(index.toUInt()) } }

    override fun toStrings(): List<String> = memory.reading { native { it.strings(index.toUInt()) } }

    override fun read(
        into: FloatArray,
        offset: Int,
    ) = copy { it.read(0, into, offset, size()) }

    override fun read(
        into: DoubleArray,
        offset: Int,
    ) = copy { it.read(0, into, offset, size()) }

    override fun read(
        into: ByteArray,
        offset: Int,
    ) = copy { it.read(0, into, offset, size()) }

    override fun read(
        into: ShortArray,
        offset: Int,
    ) = copy { it.read(0, into, offset, size()) }

    override fun read(
        into: IntArray,
        offset: Int,
    ) = copy { it.read(0, into, offset, size()) }

    override fun read(
        into: LongArray,
        offset: Int,
    ) = copy { it.read(0, into, offset, size()) }

    private inline fun copy(crossinline block: (Pointer) -> Unit) {
        memory.reading {
            if (output.byteLen > 0UL) block(Pointer(output.address.toLong()))
        }
    }
}
