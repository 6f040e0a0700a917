package dev.tandem.bionic

import com.github.unidbg.AbstractEmulator
import com.github.unidbg.Emulator
import com.github.unidbg.LongJumpException
import com.github.unidbg.arm.backend.Backend
import com.github.unidbg.arm.context.RegisterContext
import com.github.unidbg.linux.ARM64SyscallHandler
import com.github.unidbg.linux.thread.AndroidWaiter
import com.github.unidbg.linux.thread.FutexWaiter
import com.github.unidbg.linux.thread.MarshmallowThread
import com.github.unidbg.memory.SvcMemory
import com.github.unidbg.pointer.UnidbgPointer
import com.github.unidbg.thread.ThreadContextSwitchException
import com.sun.jna.Pointer

/**
 * The system calls that unidbg 0.9.8 lacks or has too simple for Rust's standard library: futexes with absolute deadlines,
 * sleeps, one monotonic clock, event loops, and threads on the stacks that they asked for. All others that it lacks fail with ENOSYS, as
 * in an old kernel.
 */
internal class Kernel(
    memory: SvcMemory,
) : ARM64SyscallHandler(memory) {
    /**
     * Memory faults and exceptions inside the emulation. unidbg itself logs them and goes on: a call returns -1, and a thread
     * never wakes who joins it.
     */
    val faults = mutableListOf<String>()

    /** Threads that the library started. */
    var threads = 0
        private set

    /** How often one of them went on where it had been interrupted or had waited. */
    var turns = 0
        private set

    private val started = System.nanoTime()
    private val polling = Polling(::addFileIO, fdMap::get)

    override fun hook(
        backend: Backend,
        interrupt: Int,
        number: Int,
        user: Any?,
    ) {
        try {
            super.hook(backend, interrupt, number, user)
        } catch (switch: LongJumpException) {
            throw switch
        } catch (failure: RuntimeException) {
            faults += failure.toString()
            throw failure
        }
    }

    override fun handleSyscall(
        emulator: Emulator<*>,
        number: Int,
    ): Boolean =
        when (number) {
            CLONE -> clone(emulator)
            CLOCK_NANOSLEEP -> sleep(emulator)
            else -> polling.handle(emulator, number)
        }

    override fun handleUnknownSyscall(
        emulator: Emulator<*>,
        number: Int,
    ): Boolean {
        // unidbg would leave the register as it is, which the caller takes for a result.
        emulator.backend.reg_write(X0, -ENOSYS)
        return true
    }

    override fun clock_gettime(emulator: Emulator<*>): Int {
        val context = emulator.getContext<RegisterContext>()
        val now =
            when (context.getIntArg(0)) {
                REALTIME, REALTIME_COARSE -> System.currentTimeMillis() * 1_000_000
                in MONOTONIC..BOOTTIME -> System.nanoTime() - started
                else -> return -EINVAL
            }
        val time = context.getPointerArg(1)
        time.setLong(0, now / SECOND)
        time.setLong(8, now % SECOND)
        return 0
    }

    override fun futex(emulator: Emulator<*>): Int {
        // Who waits for a thread that has died would wait for ever.
        check(faults.isEmpty()) { "a futex after a fault: $faults" }
        val context = emulator.getContext<RegisterContext>()
        val operation = context.getIntArg(1)
        return when (operation and FUTEX_COMMAND) {
            FUTEX_WAIT -> wait(emulator, context, ALL_BITS, FutexClock.RELATIVE)
            FUTEX_WAIT_BITSET -> wait(emulator, context, context.getIntArg(5), clock(operation))
            FUTEX_WAKE -> wake(emulator, context, ALL_BITS)
            FUTEX_WAKE_BITSET -> wake(emulator, context, context.getIntArg(5))
            else -> -ENOSYS
        }
    }

    private enum class FutexClock { RELATIVE, MONOTONIC, REALTIME }

    private fun clock(operation: Int) =
        if (operation and FUTEX_CLOCK_REALTIME != 0) FutexClock.REALTIME else FutexClock.MONOTONIC

    private fun wait(
        emulator: Emulator<*>,
        context: RegisterContext,
        mask: Int,
        clock: FutexClock,
    ): Int {
        val word = context.getPointerArg(0)
        val expected = context.getIntArg(2)
        if (word.getInt(0) != expected) return -EAGAIN
        val deadline = context.getPointerArg(3)?.let { deadline(nanoseconds(it), clock) }
        val running = checkNotNull(emulator.threadDispatcher.runningTask) { "a futex outside of every thread" }
        running.setWaiter(emulator, Waiter(word, expected, deadline, mask))
        throw ThreadContextSwitchException()
    }

    private fun wake(
        emulator: Emulator<*>,
        context: RegisterContext,
        mask: Int,
    ): Int {
        val word = context.getPointerArg(0)
        val waiting = emulator.threadDispatcher.taskList.mapNotNull { it.waiter as? Waiter }
        return waiting
            .asSequence()
            .filter { !it.isWoken && it.mask and mask != 0 && it.wakeUp(word) }
            .take(context.getIntArg(2))
            .count()
    }

    private fun nanoseconds(time: Pointer) = time.getLong(0) * SECOND + time.getLong(8)

    /** A deadline of the guest in terms of [System.nanoTime]. */
    private fun deadline(
        time: Long,
        clock: FutexClock,
    ): Long =
        when (clock) {
            FutexClock.RELATIVE -> System.nanoTime() + time
            FutexClock.MONOTONIC -> started + time
            FutexClock.REALTIME -> System.nanoTime() + time - System.currentTimeMillis() * 1_000_000
        }

    /** A thread that waits on a futex until it is woken, or until the deadline where there is one. */
    private inner class Waiter(
        private val word: Pointer,
        expected: Int,
        private val deadline: Long?,
        val mask: Int,
    ) : FutexWaiter(word, expected) {
        private val since = System.nanoTime()

        val isWoken get() = wokenUp
        private val isExpired get() = deadline != null && System.nanoTime() - deadline >= 0

        override fun canDispatch(): Boolean {
            if (super.canDispatch() || isExpired) return true
            check(faults.isEmpty()) { "waiting after a fault: $faults" }
            check(deadline != null || System.nanoTime() - since < PATIENCE) { "nobody wakes the futex at $word" }
            Thread.yield()
            return false
        }

        override fun onContinueRunInternal(emulator: Emulator<*>) {
            emulator.backend.reg_write(X0, if (isExpired) -ETIMEDOUT else -EAGAIN)
        }
    }

    private fun sleep(emulator: Emulator<*>): Boolean {
        val context = emulator.getContext<RegisterContext>()
        val isAbsolute = context.getIntArg(1) and TIMER_ABSTIME != 0
        val clock = if (isAbsolute) FutexClock.MONOTONIC else FutexClock.RELATIVE
        val deadline = deadline(nanoseconds(context.getPointerArg(2)), clock)
        val waiter =
            object : AndroidWaiter() {
                override fun canDispatch(): Boolean {
                    if (System.nanoTime() - deadline >= 0) return true
                    Thread.yield()
                    return false
                }

                override fun onContinueRun(emulator: Emulator<*>) {
                    emulator.backend.reg_write(X0, 0)
                }
            }
        emulator.threadDispatcher.runningTask.setWaiter(emulator, waiter)
        throw ThreadContextSwitchException()
    }

    /**
     * A new thread, as bionic's `__bionic_clone` asks for it: the function and its argument are in the registers after those
     * of the system call and on the new stack. unidbg's own gives every thread 512 KiB without a guard.
     */
    private fun clone(emulator: Emulator<*>): Boolean {
        val context = emulator.getContext<RegisterContext>()
        val stack = context.getPointerArg(1) ?: return false
        val function = context.getPointerArg(5) ?: return false
        if (context.getIntArg(0) and CLONE_THREAD == 0 || stack.getLong(0) != function.peer) return false
        threads++
        val id = incrementThreadId(emulator)
        context.getPointerArg(2)?.setInt(0, id)
        val clear = context.getPointerArg(4)
        clear?.setInt(0, id)
        val argument = context.getPointerArg(6)
        val tls = context.getPointerArg(3).peer
        val thread = GuestThread(emulator, function, argument, stack.peer + 16, tls, clear, id)
        emulator.threadDispatcher.addThread(thread)
        emulator.backend.reg_write(X0, id)
        return true
    }

    private inner class GuestThread(
        emulator: Emulator<*>,
        private val function: UnidbgPointer,
        private val argument: UnidbgPointer?,
        private val stack: Long,
        private val tls: Long,
        clear: Pointer?,
        id: Int,
    ) : MarshmallowThread(emulator, function, argument, clear, id) {
        /** What the thread returned; `null` where it was only interrupted. */
        override fun runThread(emulator: AbstractEmulator<*>): Number? {
            val registers = emulator.backend
            registers.reg_write(X0, argument?.peer ?: 0L)
            registers.reg_write(FP, 0L)
            registers.reg_write(SP, stack)
            registers.reg_write(TPIDR_EL0, tls)
            registers.reg_write(LR, until)
            return emulator.emulate(function.peer, until)
        }

        override fun restoreContext(emulator: Emulator<*>) {
            turns++
            super.restoreContext(emulator)
        }
    }

    private companion object {
        const val SECOND = 1_000_000_000L

        /** Longer than any test lets a thread wait. */
        const val PATIENCE = 60 * SECOND

        // Numbers of arm64 Linux.
        const val CLOCK_NANOSLEEP = 115
        const val CLONE = 220
        const val CLONE_THREAD = 0x10000
        const val TIMER_ABSTIME = 1
        const val EAGAIN = 11
        const val EINVAL = 22
        const val ENOSYS = 38
        const val ETIMEDOUT = 110
        const val FUTEX_COMMAND = 0x7f
        const val FUTEX_WAIT = 0
        const val FUTEX_WAKE = 1
        const val FUTEX_WAIT_BITSET = 9
        const val FUTEX_WAKE_BITSET = 10
        const val FUTEX_CLOCK_REALTIME = 0x100
        const val ALL_BITS = -1
        const val REALTIME = 0
        const val MONOTONIC = 1
        const val REALTIME_COARSE = 5
        const val BOOTTIME = 7

        // Numbers of unicorn's registers.
        const val FP = 1
        const val LR = 2
        const val SP = 4
        const val X0 = 199
        const val TPIDR_EL0 = 262
    }
}
