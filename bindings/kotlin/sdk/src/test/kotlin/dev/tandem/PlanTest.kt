package dev.tandem

import com.google.gson.JsonParser
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.DurationUnit

/** Plans, the state of the device that they are made for, and what is counted of them. */
class PlanTest {
    /** An endpoint that nothing is ever sent to. */
    private val cloud = Endpoint("cloud", "http://127.0.0.1:1")

    private fun withPlanned(
        device: DeviceStateProvider? = null,
        test: suspend (Runtime, Model) -> Unit,
    ) = withRuntime(RuntimeConfig(listOf(cloud), deviceState = device)) { runtime ->
        runtime.load(tableModel("identity_f32")).use { test(runtime, it) }
    }

    @Test
    fun `a plan tells every candidate as properties, text and JSON`() =
        withPlanned { _, model ->
            val plan = model.plan(RunOptions(InferenceMode.PREFER_IN_CLOUD, privateTensors = setOf("x")))
            assertEquals(listOf(Placement.OnDevice), plan.order)
            assertEquals(Placement.OnDevice, plan.chosen?.placement)
            val refused = plan[Placement.InCloud("cloud")]
            assertEquals(Reason.PRIVATE_TENSOR, refused?.reason)
            assertFalse(refused?.isAllowed ?: true)
            assertNull(plan[Placement.Split("cut", "cloud")])
            assertTrue("in cloud (cloud)" in plan.explain(), plan.explain())
            val json = JsonParser.parseString(plan.toJson()).asJsonObject
            val reasons = json["candidates"].asJsonArray.map { it.asJsonObject["reason"].asString }
            assertEquals(plan.candidates.map { it.reason.id }, reasons)
        }

    @Test
    fun `a private tensor that the model does not have is refused`() =
        withPlanned { _, model ->
            val options = RunOptions(privateTensors = setOf("nothing"))
            val failure = failure<TandemException.InvalidInput> { model.plan(options) }
            assertTrue("\"nothing\"" in failure.message.orEmpty(), failure.message)
        }

    @Test
    fun `the provider is asked, at most once a second, and not for a plan of another state`() {
        val asked = AtomicInteger()
        val provider =
            DeviceStateProvider {
                asked.incrementAndGet()
                DeviceState(NetworkKind.WIFI, "home", false, 10_000_000, 50_000_000, 0.5f, true, false)
            }
        withPlanned(provider) { _, model ->
            model.plan(deviceState = DeviceState(NetworkKind.NONE))
            assertEquals(0, asked.get())
            val begin = System.nanoTime()
            repeat(100) { model.plan() }
            val seconds = (System.nanoTime() - begin) / 1_000_000_000
            assertTrue(asked.get() in 1..1 + seconds.toInt(), "asked ${asked.get()} times")
        }
    }

    @Test
    fun `a load of servers makes the cloud slower, and must be one`() =
        withPlanned { _, model ->
            val wifi = DeviceState(NetworkKind.WIFI)
            val server = { load: Double? ->
                val plan = model.plan(deviceState = wifi, serverLoad = load)
                val predicted = plan[Placement.InCloud("cloud")]?.predicted
                checkNotNull(predicted).parts.server
            }
            assertEquals(server(null) * 3, server(3.0))
            val failure = failure<TandemException.InvalidArgument> { model.plan(serverLoad = 0.0) }
            assertTrue("more than 0" in failure.message.orEmpty(), failure.message)
        }

    @Test
    fun `a provider that throws leaves the state unknown`() =
        withPlanned({ error("no permission") }) { _, model ->
            assertEquals(Placement.OnDevice, model.plan().chosen?.placement)
            model.run(mapOf("x" to Tensor.of(floatArrayOf(1f), 1, 1))).close()
        }

    @Test
    fun `a runtime that was closed lets go of the provider`() =
        runBlocking {
            var provider: DeviceStateProvider? = Known(DeviceState(NetworkKind.WIFI))
            val watch = java.lang.ref.WeakReference(provider)
            val runtime = Tandem.open(RuntimeConfig(listOf(cloud), deviceState = provider))
            runtime.load(tableModel("identity_f32")).use { it.plan() }
            provider = null
            runtime.close()
            eventually("the provider is collected") {
                System.gc()
                watch.get() == null
            }
        }

    /** A provider that is an object of its own, and no constant of the class. */
    private class Known(
        private val state: DeviceState,
    ) : DeviceStateProvider {
        override fun deviceState() = state
    }

    @Test
    fun `planned runs are counted`() =
        withPlanned { runtime, model ->
            assertEquals(0, runtime.statistics().onDevice)
            assertNull(runtime.statistics().coverage)
            val input = mapOf("x" to Tensor.of(floatArrayOf(1f), 1, 1))
            repeat(3) { model.run(input, RunOptions(InferenceMode.ONLY_ON_DEVICE)).close() }
            model.predict(input).close()
            assertEquals(3, runtime.statistics().onDevice)
            assertEquals(0, runtime.statistics().inCloud)
        }

    @Test
    fun `a runtime goes on from what an earlier one has learned`() =
        withPlanned { runtime, model ->
            val input = mapOf("x" to Tensor.of(floatArrayOf(1f), 1, 1))
            repeat(3) { model.run(input, RunOptions(InferenceMode.ONLY_ON_DEVICE)).close() }
            val learned = runtime.estimates()
            assertTrue(model.info.digest in learned, learned)
            withRuntime(RuntimeConfig(listOf(cloud))) { assertFalse(model.info.digest in it.estimates()) }
            withRuntime(RuntimeConfig(listOf(cloud), estimates = learned)) { later ->
                assertTrue(model.info.digest in later.estimates())
                assertEquals(0, later.statistics().onDevice)
            }
            val failure = failure<TandemException.InvalidArgument> { Tandem.open(RuntimeConfig(estimates = "{}")) }
            assertTrue("estimates" in failure.message.orEmpty(), failure.message)
        }

    @Test
    fun `settings of the planner reach it, and those that make no sense are refused`() {
        val device = DeviceStateProvider { DeviceState(NetworkKind.WIFI) }

        fun joules(planner: PlannerSettings): Double {
            val seconds = mutableListOf<Double>()
            withRuntime(RuntimeConfig(listOf(cloud), deviceState = device, planner = planner)) { runtime ->
                runtime.load(tableModel("identity_f32")).use { model ->
                    val input = mapOf("x" to Tensor.of(floatArrayOf(1f), 1, 1))
                    // The first run warms up, and tells nothing of the next.
                    repeat(2) { model.run(input, RunOptions(InferenceMode.ONLY_ON_DEVICE)).close() }
                    val predicted = model.plan()[Placement.OnDevice]!!.predicted!!
                    seconds += predicted.energyJoules / predicted.latency.mean.toDouble(DurationUnit.SECONDS)
                }
            }
            return seconds.single()
        }
        assertEquals(100.0, joules(PlannerSettings(overrides = """{"energy": {"compute_watts": 100}}""")), 1.0)
        assertEquals(1.85, joules(PlannerSettings(probes = false)), 0.02)
        runBlocking {
            val wrong = PlannerSettings(overrides = """{"energy": {"compute_wats": 1}}""")
            val failure = failure<TandemException.InvalidArgument> { Tandem.open(RuntimeConfig(planner = wrong)) }
            assertTrue("energy.compute_wats" in failure.message.orEmpty(), failure.message)
        }
    }

    @Test
    fun `a band holds what lies within it`() {
        val band = LatencyBand(10.milliseconds, 5.milliseconds, 9.milliseconds, 15.milliseconds, 20.milliseconds)
        assertTrue(5.milliseconds in band && 20.milliseconds in band)
        assertFalse(4.milliseconds in band || 21.milliseconds in band)
    }

    @Test
    fun `a manifest that is none and a key that is none are refused`() =
        withRuntime { runtime ->
            val model = tableModel("identity_f32")
            failure<TandemException.InvalidModel> { runtime.load(model, LoadOptions(splits = SplitManifest("{}"))) }
            val absent = SplitManifest(File("absent.tandem.json"))
            failure<TandemException.ModelNotFound> { runtime.load(model, LoadOptions(splits = absent)) }
            val key =
                failure<TandemException.InvalidArgument> {
                    runtime.load(model, LoadOptions(splits = SplitManifest("{}", publicKey = "abc")))
                }
            assertTrue("64 hexadecimal digits" in key.message.orEmpty(), key.message)
        }
}
