package dev.tandem.demo.model

import dev.tandem.DeviceState
import dev.tandem.FixedDeviceState
import dev.tandem.NetworkKind
import dev.tandem.Placement
import dev.tandem.Reason
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test

class PlanModelTest {
    private val wifi = FixedDeviceState(DeviceState(NetworkKind.WIFI, "home", uplinkBitsPerSecond = 100_000_000))

    @Test
    fun `without an endpoint there is this device only`() =
        withModels { scope ->
            val model = PlanModel(engine(), wifi, scope)
            model.start()
            val state = model.state.until { it.chosen != null && !it.isMeasuring }
            assertEquals(listOf(Placement.OnDevice), state.candidates.map { it.placement })
            assertEquals(false, state.hasEndpoint)
        }

    @Test
    fun `the sliders change the choice`() =
        withModels { scope ->
            // What the runtime measures on this network is what the plan is made for.
            val engine = Engine(fileAssets, MemoryStore(CloudSettings(requireServer())), wifi)
            val model = PlanModel(engine, wifi, scope)
            model.start()
            model.state.until { it.chosen != null && !it.isMeasuring }
            model.measure()
            val measured = model.state.until { !it.isMeasuring && it.candidates.all { one -> one.predicted != null } }
            assertNull(measured.trouble)
            assertEquals(3, measured.candidates.size)
            // The link as it was measured.
            model.set { it.copy(linkStep = 30, serverStep = 0) }
            model.state.until { it.chosen is Placement.Split || it.chosen is Placement.InCloud }
            model.set { it.copy(serverStep = Circumstances.STEPS) }
            model.state.until { it.chosen == Placement.OnDevice }
            model.set { it.copy(serverStep = 0) }
            model.state.until { it.chosen != Placement.OnDevice }
            model.set { it.copy(link = Link.NONE) }
            model.state.until { it.chosen == Placement.OnDevice }
        }

    @Test
    fun `without a network the endpoint is out`() =
        withModels { scope ->
            val model = PlanModel(engine(NOWHERE), wifi, scope)
            model.set { it.copy(link = Link.NONE) }
            model.start()
            // Once this device is measured there is something to compare.
            val state = model.state.until { it.candidates.any { one -> one.reason == Reason.OFFLINE } }
            assertEquals(Placement.OnDevice, state.chosen)
        }

    @Test
    fun `an endpoint that does not answer is said, and the plan stands`() =
        withModels { scope ->
            val model = PlanModel(engine(NOWHERE), wifi, scope)
            model.start()
            model.state.until { it.chosen != null && !it.isMeasuring }
            model.measure()
            assertTrue(checkNotNull(model.state.until { it.trouble != null }.trouble).detail.isNotEmpty())
            assertNotNull(model.state.value.chosen)
        }

    @Test
    fun `the circumstances are saved, and nonsense is not believed`() =
        withModels { scope ->
            val model = PlanModel(engine(), wifi, scope)
            model.set { Circumstances(Link.CELLULAR_4G, 3, 31, 12, dev.tandem.Objective.ENERGY) }
            val again = PlanModel(engine(), wifi, scope, model.saveState())
            assertEquals(model.state.value.circumstances, again.state.value.circumstances)
            val odd = mapOf("link" to "SMOKE", "link_step" to "-5", "server_step" to "x", "battery" to "1000")
            val other = PlanModel(engine(), wifi, scope, odd).state.value.circumstances
            assertEquals(Circumstances(linkStep = 0, batteryPercent = 100), other)
        }

    @Test
    fun `sliders are logarithmic and reach what they say`() {
        assertEquals(100_000, Circumstances(linkStep = 0).bitsPerSecond)
        assertEquals(1_000_000_000, Circumstances(linkStep = Circumstances.STEPS).bitsPerSecond)
        assertEquals(0.01, Circumstances(serverStep = 0).serverLoad, 1e-9)
        assertEquals(1.0, Circumstances().serverLoad, 1e-9)
        assertEquals(100.0, Circumstances(serverStep = Circumstances.STEPS).serverLoad, 1e-9)
        val other = Circumstances(Link.CELLULAR_5G).deviceState(wifi.deviceState())
        assertNotEquals("home", other.networkId)
        assertEquals("home", Circumstances().deviceState(wifi.deviceState()).networkId)
    }
}
