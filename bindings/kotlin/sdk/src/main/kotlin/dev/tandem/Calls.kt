package dev.tandem

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.sync.Semaphore
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull
import java.util.concurrent.ConcurrentLinkedDeque
import kotlin.time.Duration
import kotlin.time.TimeSource

/**
 * Runs blocking calls away from the caller's thread, at most [limit] at once, and stops them when their coroutine is
 * cancelled.
 */
internal class Calls(
    limit: Int,
) : AutoCloseable {
    // Waiting happens in the semaphore, which a cancelled coroutine leaves at once; a dispatcher's queue would hold it.
    private val places = Semaphore(limit)
    private val dispatcher = Dispatchers.IO.limitedParallelism(limit)
    private val idle = ConcurrentLinkedDeque<Call>()

    @Volatile
    private var open = true

    /**
     * Runs [work] with what is left of [timeout]. A result that nobody takes any more, because the coroutine was
     * cancelled, is given to [discard].
     */
    suspend fun <T : Any> run(
        timeout: Duration? = null,
        discard: (T) -> Unit = {},
        work: (Call, Duration?) -> T,
    ): T {
        val started = TimeSource.Monotonic.markNow()
        var made: T? = null
        enter(timeout)
        try {
            return withContext(dispatcher) {
                watched { call -> work(call, timeout?.minus(started.elapsedNow())) }.also { made = it }
            }
        } catch (failure: Throwable) {
            made?.let(discard)
            throw failure
        } finally {
            places.release()
        }
    }

    /** Lets go of what idle calls hold; those under way let go when they end. */
    override fun close() {
        open = false
        while (true) (idle.poll() ?: break).close()
    }

    private suspend fun enter(timeout: Duration?) {
        if (places.tryAcquire()) return
        if (timeout == null) return places.acquire()
        var entered = false
        var inTime = false
        try {
            withTimeoutOrNull(timeout) {
                places.acquire()
                entered = true
            }?.let { inTime = true }
        } finally {
            // The time can be over between entering and being told.
            if (entered && !inTime) places.release()
        }
        if (!inTime) throw TandemException.DeadlineExceeded(Failure("deadline exceeded"))
    }

    private fun <T> CoroutineScope.watched(work: (Call) -> T): T {
        val call = idle.poll() ?: Call()
        val run = call.begin()
        // Runs its handler on the thread that cancels, while this one is inside the native call.
        val watch =
            launch(Dispatchers.Unconfined, CoroutineStart.UNDISPATCHED) {
                suspendCancellableCoroutine<Unit> { it.invokeOnCancellation { call.cancel(run) } }
            }
        try {
            return work(call)
        } catch (cancelled: TandemException.Cancelled) {
            ensureActive()
            throw cancelled
        } finally {
            val reusable = call.end()
            watch.cancel()
            if (reusable && open) idle.push(call) else call.close()
        }
    }
}
