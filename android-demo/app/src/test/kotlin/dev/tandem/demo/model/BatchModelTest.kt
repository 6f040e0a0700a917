package dev.tandem.demo.model

import dev.tandem.InferenceMode
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test

class BatchModelTest {
    private val pictures =
        Pictures { (0..9).map { digit -> Picture(digit, Examples.of(digit).toPixels()) } }

    private suspend fun ready(model: BatchModel) {
        model.start()
        model.state.until { it.pictures.isNotEmpty() }
    }

    @Test
    fun `all pictures are read as often as asked`() =
        withModels { scope ->
            val model = BatchModel(engine(), pictures, scope)
            ready(model)
            model.setRounds(10)
            model.run()
            val state = model.state.until { !it.isRunning && it.done > 0 }
            assertEquals(100, state.done)
            assertEquals(1.0, checkNotNull(state.accuracy), 1e-9)
            assertEquals(100, state.onDevice)
            assertTrue(state.outcomes.all { it?.isRight == true })
            assertTrue(checkNotNull(state.throughput) > 0)
        }

    @Test
    fun `the cloud reads them too`() =
        withModels { scope ->
            val model = BatchModel(engine(requireServer()), pictures, scope)
            ready(model)
            model.setRounds(1)
            model.setMode(InferenceMode.ONLY_IN_CLOUD)
            model.run()
            val state = model.state.until { !it.isRunning && it.done > 0 }
            assertEquals(10, state.inCloud)
            assertEquals(10, state.right)
        }

    @Test
    fun `a run that is cancelled ends soon, and another can begin`() =
        withModels { scope ->
            val model = BatchModel(engine(), pictures, scope)
            ready(model)
            model.setRounds(100)
            model.run()
            model.state.until { it.done > 0 }
            model.cancel()
            val stopped = model.state.until { !it.isRunning }
            assertTrue(stopped.isCancelled)
            assertTrue("${stopped.done}", stopped.done in 1 until stopped.total)
            model.setRounds(1)
            model.run()
            assertFalse(model.state.until { !it.isRunning && it.done == 10 }.isCancelled)
        }

    @Test
    fun `while it runs nothing is changed and nothing begins again`() =
        withModels { scope ->
            val model = BatchModel(engine(), pictures, scope)
            ready(model)
            model.setRounds(100)
            model.run()
            model.setRounds(1)
            model.setMode(InferenceMode.ONLY_IN_CLOUD)
            model.run()
            assertEquals(100, model.state.value.rounds)
            assertEquals(InferenceMode.AUTO, model.state.value.mode)
            model.cancel()
            model.state.until { !it.isRunning }
        }

    @Test
    fun `what goes wrong stops it and is said`() =
        withModels { scope ->
            val model = BatchModel(engine(NOWHERE), pictures, scope, mapOf("mode" to "ONLY_IN_CLOUD", "rounds" to "1"))
            ready(model)
            model.run()
            val state = model.state.until { !it.isRunning && it.trouble != null }
            assertFalse(state.isCancelled)
            assertEquals(0, state.done)
        }
}
