package dev.tandem

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import kotlin.time.Duration.Companion.milliseconds

/** The slow model takes far longer than the limit: a test that ends has stopped it. */
@Timeout(120)
class ClosingTest {
    private val inputs = mapOf("x" to Tensor.of(floatArrayOf(1f), 1, 1))

    @Test
    fun `closing a model ends its runs`() =
        withModel(slowModel()) { model ->
            coroutineScope {
                val runs =
                    List(3) {
                        async(Dispatchers.Default) { failure<TandemException.Closed> { model.predict(slowInput()) } }
                    }
                delay(100.milliseconds)
                model.close()
                runs.awaitAll()
            }
        }

    @Test
    fun `closing a runtime ends the runs of its models`() =
        runBlocking {
            val runtime = Tandem.open()
            val model = runtime.load(slowModel())
            val run = async(Dispatchers.Default) { failure<TandemException.Closed> { model.predict(slowInput()) } }
            delay(100.milliseconds)
            runtime.close()
            run.await()
            failure<TandemException.Closed> { model.predict(slowInput()) }
            Unit
        }

    @Test
    fun `what is closed says so, and closing again does nothing`() =
        runBlocking {
            val runtime = Tandem.open()
            val model = runtime.load(tableModel("identity_f32"))
            repeat(2) { model.close() }
            val failure = failure<TandemException.Closed> { model.predict(inputs) }
            assertEquals("the model is closed", failure.message)
            failure<TandemException.Closed> { model.offload(inputs) }
            failure<TandemException.Closed> { model.run(inputs) }
            failure<TandemException.Closed> { model.plan() }
            failure<TandemException.Closed> { model.profile(inputs) }
            failure<TandemException.Closed> { model.warmUp(inputs) }
            assertEquals(1, model.info.inputs.size)
            repeat(2) { runtime.close() }
            failure<TandemException.Closed> { runtime.load(tableModel("identity_f32")) }
            failure<TandemException.Closed> { runtime.isReady("cloud") }
            Unit
        }

    @Test
    fun `a prediction outlives its model and runtime`() =
        runBlocking {
            val runtime = Tandem.open()
            val model = runtime.load(tableModel("identity_f32"))
            val prediction = model.predict(inputs)
            model.close()
            runtime.close()
            prediction.use { assertArrayEquals(floatArrayOf(1f), it["y"].toFloatArray()) }
        }

    @Test
    fun `models closed while many call them never crash`() =
        withRuntime { runtime ->
            val answered = AtomicInteger()
            val closed = AtomicInteger()
            repeat(50) {
                val model = runtime.load(tableModel("identity_f32"))
                coroutineScope {
                    repeat(8) {
                        async(Dispatchers.Default) {
                            try {
                                while (true) {
                                    model.predict(inputs).use { it["y"].toFloatArray() }
                                    answered.incrementAndGet()
                                }
                            } catch (_: TandemException.Closed) {
                                closed.incrementAndGet()
                            }
                        }
                    }
                    delay(3.milliseconds)
                    model.close()
                }
            }
            assertEquals(50 * 8, closed.get(), "after ${answered.get()} answers")
        }

    @Test
    fun `predictions closed while many read them never crash`() =
        withModel(tableModel("identity_f32")) { model ->
            val values = FloatArray(100_000) { it.toFloat() }
            repeat(50) {
                val prediction = model.predict(mapOf("x" to Tensor.of(values, 1, 100_000)))
                val readers =
                    List(4) {
                        thread {
                            val into = FloatArray(values.size)
                            try {
                                while (true) {
                                    prediction["y"].copyInto(into)
                                    assertArrayEquals(values, into)
                                }
                            } catch (_: TandemException.Closed) {
                                return@thread
                            }
                        }
                    }
                Thread.sleep(2)
                prediction.close()
                readers.forEach { it.join() }
            }
        }
}
