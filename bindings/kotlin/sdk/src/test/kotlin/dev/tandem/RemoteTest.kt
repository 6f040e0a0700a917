package dev.tandem

import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Against a real server of the conformance table's repository. */
class RemoteTest {
    private val values = floatArrayOf(1f, 2f, 3f, 4f, 5f, 6f)
    private val inputs = mapOf("x" to Tensor.of(values, 2, 3))

    @Test
    fun `device and cloud agree, and the phases are measured`() =
        withServer { model ->
            model.predict(inputs).use { here ->
                model.offload(inputs, RunOptions(tag = "kotlin")).use { there ->
                    assertArrayEquals(here["y"].toFloatArray(), there["y"].toFloatArray())
                    assertEquals(Placement.InCloud("cloud"), there.decision.placement)
                    val timing = requireNotNull(there.timing.remote)
                    assertTrue(timing.requestBytes >= values.size * 4 && timing.answerBytes >= values.size * 4)
                    assertNotNull(timing.server)
                    assertTrue(timing.wait <= there.timing.total)
                }
            }
        }

    @Test
    fun `a run prefers the cloud when told to`() =
        withServer { model ->
            val options = RunOptions(mode = InferenceMode.PREFER_IN_CLOUD)
            assertEquals(listOf(Placement.InCloud("cloud"), Placement.OnDevice), model.plan(options).order)
            model.run(inputs, options).use { assertEquals(Reason.MODE_PREFERS, it.decision.reason) }
        }

    @Test
    fun `a server says whether it is ready`() {
        val endpoints = listOf(Endpoint("cloud", requireServer()), Endpoint("down", "http://127.0.0.1:1"))
        withRuntime(RuntimeConfig(endpoints)) { runtime ->
            assertTrue(runtime.isReady("cloud"))
            failure<TandemException.Offline> { runtime.isReady("down") }
        }
    }

    private fun withServer(test: suspend (Model) -> Unit) {
        val cloud = Endpoint("cloud", requireServer(), models = mapOf("model" to "identity_f32"))
        withRuntime(RuntimeConfig(listOf(cloud))) { runtime ->
            runtime.load(tableModel("identity_f32"), LoadOptions(name = "identity_f32")).use { test(it) }
        }
    }
}
