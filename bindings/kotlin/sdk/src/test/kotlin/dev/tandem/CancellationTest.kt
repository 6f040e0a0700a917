package dev.tandem

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeoutOrNull
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration.Companion.milliseconds

/** The slow model takes far longer than the limit: a test that ends has stopped it. */
@Timeout(60)
class CancellationTest {
    @Test
    fun `cancelling a coroutine stops its run and leaves the model usable`() =
        withModel(slowModel()) { model ->
            repeat(3) {
                coroutineScope {
                    val run = launch(Dispatchers.Default) { model.predict(slowInput()) }
                    delay(100.milliseconds)
                    assertTrue(run.isActive)
                    run.cancelAndJoin()
                    assertTrue(run.isCancelled)
                }
            }
            failure<TandemException.DeadlineExceeded> {
                model.predict(slowInput(), RunOptions(timeout = 50.milliseconds))
            }
        }

    @Test
    fun `a timeout of coroutines stops a run`() =
        withModel(slowModel()) { model ->
            assertNull(withTimeoutOrNull(100.milliseconds) { model.predict(slowInput()) })
        }

    @Test
    fun `a load is cancelled and timed while it is under way and the runtime goes on`() =
        withRuntime(RuntimeConfig(maxConcurrentCalls = 1)) { runtime ->
            // Far more nodes than are prepared within these times.
            val slow = slowModel(length = 10_000)
            failure<TandemException.DeadlineExceeded> {
                runtime.load(slow, LoadOptions(timeout = 50.milliseconds))
            }
            coroutineScope {
                val load = launch(Dispatchers.Default) { runtime.load(slow).close() }
                delay(100.milliseconds)
                assertTrue(load.isActive)
                load.cancelAndJoin()
                assertTrue(load.isCancelled)
            }
            runtime.load(tableModel("identity_f32")).use { model ->
                model.predict(mapOf("x" to Tensor.of(floatArrayOf(1f), 1, 1))).close()
            }
        }

    @Test
    fun `closing the runtime ends a load that is under way`() =
        withRuntime { runtime ->
            coroutineScope {
                val load =
                    async(Dispatchers.Default) {
                        failure<TandemException.Closed> { runtime.load(slowModel(length = 10_000)) }
                    }
                delay(100.milliseconds)
                assertTrue(load.isActive)
                runtime.close()
                load.await()
            }
        }

    @Test
    fun `a call of a cancelled coroutine does not begin`() =
        withModel(tableModel("identity_f32")) { model ->
            coroutineScope {
                launch {
                    coroutineContext[kotlinx.coroutines.Job]?.cancel()
                    failure<CancellationException> {
                        model.predict(mapOf("x" to Tensor.of(floatArrayOf(1f), 1, 1)))
                    }
                }
            }
        }

    @Test
    fun `cancelling one run leaves the others`() =
        withModel(slowModel()) { slow ->
            coroutineScope {
                val runs = List(3) { launch(Dispatchers.Default) { slow.predict(slowInput()) } }
                delay(100.milliseconds)
                runs[1].cancelAndJoin()
                assertTrue(runs[0].isActive && runs[2].isActive)
                runs.forEach { it.cancel() }
                runs.joinAll()
            }
        }

    @Test
    fun `a run that waits for its turn is cancelled and timed as well`() =
        withRuntime(RuntimeConfig(maxConcurrentCalls = 1)) { runtime ->
            runtime.load(slowModel()).use { model ->
                coroutineScope {
                    val first = launch(Dispatchers.Default) { model.predict(slowInput()) }
                    delay(100.milliseconds)
                    val second = launch(Dispatchers.Default) { model.predict(slowInput()) }
                    delay(50.milliseconds)
                    second.cancelAndJoin()
                    failure<TandemException.DeadlineExceeded> {
                        model.predict(slowInput(), RunOptions(timeout = 50.milliseconds))
                    }
                    assertTrue(first.isActive)
                    first.cancelAndJoin()
                }
                // The one place is free again.
                failure<TandemException.DeadlineExceeded> {
                    model.predict(slowInput(), RunOptions(timeout = 50.milliseconds))
                }
            }
        }

    @Test
    fun `the thread of the caller stays free`() =
        withModel(slowModel()) { model ->
            // All of this runs on the one thread of `runBlocking`.
            coroutineScope {
                var ticks = 0
                val run = launch { model.predict(slowInput()) }
                repeat(10) {
                    delay(10.milliseconds)
                    ticks++
                }
                assertEquals(10, ticks)
                assertTrue(run.isActive)
                run.cancelAndJoin()
            }
        }

    @Test
    fun `runs cancelled at any moment end and free what they made`() =
        withModel(tableModel("identity_f32")) { model ->
            val values = FloatArray(10_000) { it.toFloat() }
            val inputs = mapOf("x" to Tensor.of(values, 100, 100))
            val finished = AtomicInteger()
            repeat(500) { round ->
                coroutineScope {
                    val run =
                        async(Dispatchers.Default) {
                            model.predict(inputs).use { it["y"].toFloatArray() }.also { finished.incrementAndGet() }
                        }
                    delay((round % 5).milliseconds / 5)
                    run.cancel()
                    run.join()
                }
            }
            assertTrue(finished.get() < 500, "some were cancelled in time")
            model.predict(inputs).use { assertArrayEquals(values, it["y"].toFloatArray()) }
        }
}
