package dev.tandem.bionic

import com.github.unidbg.Emulator
import com.github.unidbg.Module
import com.github.unidbg.arm.Arm64Svc
import com.github.unidbg.arm.backend.Backend
import com.github.unidbg.arm.backend.BackendFactory
import com.github.unidbg.arm.backend.EventMemHook
import com.github.unidbg.arm.backend.UnHook
import com.github.unidbg.arm.backend.Unicorn2Factory
import com.github.unidbg.arm.context.RegisterContext
import com.github.unidbg.file.linux.AndroidFileIO
import com.github.unidbg.linux.LinuxModule
import com.github.unidbg.linux.android.AndroidARM64Emulator
import com.github.unidbg.linux.android.AndroidResolver
import com.github.unidbg.memory.SvcMemory
import com.github.unidbg.pointer.UnidbgPointer
import com.github.unidbg.unix.UnixSyscallHandler
import java.io.File
import kotlin.math.max

/**
 * The user space of Android 6.0 (API 23) on arm64 around one library: bionic is the real one, the processor, the kernel and
 * the dynamic linker are unidbg's. Threads take turns: where they wait, and where [interruptEvery] says.
 */
internal class Bionic(
    root: File,
    library: File,
) : AutoCloseable {
    private val emulator = Machine(root)
    private val module: Module

    val kernel = emulator.syscallHandler as Kernel

    init {
        kernel.setEnableThreadDispatcher(true)
        emulator.memory.setLibraryResolver(AndroidResolver(API))
        emulator.backend.hook_add_new(Faults(), UC_HOOK_MEM_INVALID, null)
        module = emulator.loadLibrary(library, true)
    }

    /** Strong symbols of the library that this Android does not have. */
    fun unresolved(): List<String> = (module as LinuxModule).unresolvedSymbol.map { it.symbol.name }

    override fun close() = emulator.close()

    /** Memory of its own, not of the library's heap. */
    fun allocate(size: Int): UnidbgPointer = emulator.memory.malloc(max(size, 16), true).pointer

    fun allocate(bytes: ByteArray): UnidbgPointer = allocate(bytes.size).also { it.write(0, bytes, 0, bytes.size) }

    fun pointer(address: Long): UnidbgPointer = UnidbgPointer.pointer(emulator, address)

    /** Memory that can be executed, with these instructions. */
    fun code(instructions: IntArray): UnidbgPointer {
        val place = emulator.memory.mmap(PAGE, PROT_READ_WRITE_EXECUTE)
        instructions.forEachIndexed { index, instruction -> place.setInt(index * Int.SIZE_BYTES.toLong(), instruction) }
        return place
    }

    /** Where a symbol of the library, or of one that it needs, is. */
    fun address(symbol: String): Long =
        checkNotNull(module.findSymbolByName(symbol, true)) { "no symbol $symbol" }.address

    /** From now on, a thread has this many instructions until it is another one's turn. */
    fun interruptEvery(instructions: Long) = emulator.backend.registerEmuCountHook(instructions)

    /** Threads that were started and have not ended. */
    val threads get() = emulator.threadDispatcher.taskCount

    /** Calls a function of the library with integers and pointers; what it returns in the first register. */
    fun call(
        symbol: String,
        vararg arguments: Any,
    ): Long = checked(symbol) { module.callFunction(emulator, symbol, *arguments) }

    /** The same for a function of bionic's. */
    fun callBionic(
        symbol: String,
        vararg arguments: Any,
    ): Long = checked(symbol) { Module.emulateFunction(emulator, address(symbol), *arguments) }

    /** The same for a function that returns a structure of more than 16 bytes. */
    fun callForStructure(
        size: Int,
        symbol: String,
        vararg arguments: Any,
    ): UnidbgPointer {
        val result = allocate(size)
        emulator.backend.reg_write(X8, result.peer)
        call(symbol, *arguments)
        return result
    }

    /** A function pointer that ends here. Inside, the library cannot be called. */
    fun callback(body: (RegisterContext) -> Long): UnidbgPointer =
        emulator.svcMemory.registerSvc(
            object : Arm64Svc() {
                override fun handle(emulator: Emulator<*>): Long = body(emulator.getContext())
            },
        )

    private fun checked(
        symbol: String,
        call: () -> Number,
    ): Long {
        val result = call().toLong()
        check(kernel.faults.isEmpty()) { "$symbol: ${kernel.faults}" }
        return result
    }

    private inner class Faults : EventMemHook {
        override fun hook(
            backend: Backend,
            address: Long,
            size: Int,
            value: Long,
            user: Any?,
            type: EventMemHook.UnmappedType,
        ): Boolean {
            val at = UnidbgPointer.register(emulator, PC)
            kernel.faults += "$type fault at 0x${address.toString(16)}, program counter $at"
            return false
        }

        override fun onAttach(unHook: UnHook) = Unit

        override fun detach() = throw UnsupportedOperationException()
    }

    private class Machine(
        root: File,
    ) : AndroidARM64Emulator("tandem", root, listOf<BackendFactory>(Unicorn2Factory(false))) {
        override fun createSyscallHandler(memory: SvcMemory): UnixSyscallHandler<AndroidFileIO> = Kernel(memory)
    }

    private companion object {
        /** Android 6.0. */
        const val API = 23

        const val PAGE = 4096

        // Numbers of unicorn's.
        const val PROT_READ_WRITE_EXECUTE = 7
        const val UC_HOOK_MEM_INVALID = 1008
        const val X8 = 207
        const val PC = 260
    }
}
