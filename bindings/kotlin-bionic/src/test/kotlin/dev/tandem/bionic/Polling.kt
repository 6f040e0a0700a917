package dev.tandem.bionic

import com.github.unidbg.Emulator
import com.github.unidbg.arm.backend.Backend
import com.github.unidbg.arm.context.RegisterContext
import com.github.unidbg.file.linux.AndroidFileIO
import com.github.unidbg.linux.file.EventFD
import com.github.unidbg.linux.thread.AndroidWaiter
import com.github.unidbg.thread.ThreadContextSwitchException
import com.sun.jna.Pointer

/**
 * As much of `epoll` as an event loop needs that wakes itself: it tells of writes to `eventfd`s. unidbg has no `epoll`. Sockets may be
 * watched and never become ready: unidbg connects them at once, or refuses at once.
 */
internal class Polling(
    private val register: (AndroidFileIO) -> Int,
    private val find: (Int) -> Any?,
) {
    /** A set of watched files: for each the number that stands for it. */
    private class Watch : EventFD(0, false, true) {
        val numbers = mutableMapOf<Any, Long>()
    }

    /** A counter that remembers whether it was written to since somebody was told. */
    private class Counter(
        initial: Int,
    ) : EventFD(initial, false, true) {
        var isNews = initial > 0
        private var isEmpty = initial == 0

        override fun write(data: ByteArray): Int {
            isNews = true
            isEmpty = false
            return super.write(data)
        }

        override fun read(
            backend: Backend,
            buffer: Pointer,
            count: Int,
        ): Int {
            if (isEmpty) return -EAGAIN
            isEmpty = true
            return super.read(backend, buffer, count)
        }
    }

    /** Carries out the system call of that number, if it is one of these. */
    fun handle(
        emulator: Emulator<*>,
        number: Int,
    ): Boolean {
        val context = emulator.getContext<RegisterContext>()
        val result =
            when (number) {
                EVENTFD2 -> register(Counter(context.getIntArg(0)))
                EPOLL_CREATE1 -> register(Watch())
                EPOLL_CTL -> control(context)
                EPOLL_PWAIT -> wait(emulator, context)
                FCNTL -> duplicate(context) ?: return false
                else -> return false
            }
        emulator.backend.reg_write(X0, result)
        return true
    }

    private fun control(context: RegisterContext): Int {
        val watch = find(context.getIntArg(0)) as? Watch ?: return -EBADF
        val file = find(context.getIntArg(2)) ?: return -EBADF
        if (context.getIntArg(1) == EPOLL_CTL_DEL) {
            watch.numbers.remove(file)
        } else {
            watch.numbers[file] = context.getPointerArg(3).getLong(8)
        }
        return 0
    }

    private fun wait(
        emulator: Emulator<*>,
        context: RegisterContext,
    ): Int {
        val watch = find(context.getIntArg(0)) as? Watch ?: return -EBADF
        val events = context.getPointerArg(1)
        val most = context.getIntArg(2)
        val timeout = context.getIntArg(3)
        val told = tell(watch, events, most)
        if (told > 0 || timeout == 0) return told
        // Nobody waits for ever in a test.
        val deadline = System.nanoTime() + (if (timeout < 0) PATIENCE_MS else timeout.toLong()) * 1_000_000
        val waiter =
            object : AndroidWaiter() {
                override fun canDispatch(): Boolean {
                    if (watch.hasNews() || System.nanoTime() - deadline >= 0) return true
                    Thread.yield()
                    return false
                }

                override fun onContinueRun(emulator: Emulator<*>) {
                    emulator.backend.reg_write(X0, tell(watch, events, most))
                }
            }
        emulator.threadDispatcher.runningTask.setWaiter(emulator, waiter)
        throw ThreadContextSwitchException()
    }

    private fun Watch.hasNews() = numbers.keys.any { it is Counter && it.isNews }

    private fun tell(
        watch: Watch,
        events: Pointer,
        most: Int,
    ): Int {
        val news =
            watch.numbers
                .filterKeys { it is Counter && it.isNews }
                .entries
                .take(most)
        news.forEachIndexed { index, (file, number) ->
            (file as Counter).isNews = false
            events.setInt(index * EVENT, EPOLLIN)
            events.setLong(index * EVENT + 8, number)
        }
        return news.size
    }

    /** A second descriptor of a watch; of other files unidbg can make one itself. */
    private fun duplicate(context: RegisterContext): Int? {
        if (context.getIntArg(1) != F_DUPFD_CLOEXEC) return null
        return (find(context.getIntArg(0)) as? Watch)?.let(register)
    }

    private companion object {
        const val PATIENCE_MS = 60_000L

        // Numbers of arm64 Linux.
        const val EVENTFD2 = 19
        const val EPOLL_CREATE1 = 20
        const val EPOLL_CTL = 21
        const val EPOLL_PWAIT = 22
        const val FCNTL = 25
        const val EPOLL_CTL_DEL = 2
        const val EPOLLIN = 1
        const val F_DUPFD_CLOEXEC = 1030
        const val EBADF = 9
        const val EAGAIN = 11

        /** Bytes of an `epoll_event`. */
        const val EVENT = 16L

        /** Unicorn's number of the register. */
        const val X0 = 199
    }
}
