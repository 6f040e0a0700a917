package dev.tandem.android

import android.app.ActivityManager
import android.content.Context
import android.net.ConnectivityManager
import android.net.NetworkCapabilities
import android.os.BatteryManager
import android.os.PowerManager
import android.telephony.TelephonyManager
import dev.tandem.DeviceState
import dev.tandem.MemoryPressure
import dev.tandem.NetworkKind
import dev.tandem.ThermalState
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowNetworkCapabilities

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35], manifest = Config.NONE)
class AndroidDeviceStateProviderTest {
    private val context: Context = RuntimeEnvironment.getApplication()

    private fun state(): DeviceState = AndroidDeviceStateProvider(context).deviceState()

    private inline fun <reified T> service(): T = context.getSystemService(T::class.java)

    /** Makes the active network one of these transports and capabilities. */
    private fun network(
        vararg transports: Int,
        metered: Boolean = false,
    ) {
        val connectivity = service<ConnectivityManager>()
        val capabilities = ShadowNetworkCapabilities.newInstance()
        transports.forEach { shadowOf(capabilities).addTransportType(it) }
        if (!metered) shadowOf(capabilities).addCapability(NetworkCapabilities.NET_CAPABILITY_NOT_METERED)
        shadowOf(connectivity).setNetworkCapabilities(connectivity.activeNetwork, capabilities)
    }

    @Test
    fun wifiIsNotMeteredAndNamedByItsConnection() {
        network(NetworkCapabilities.TRANSPORT_WIFI)
        val state = state()
        assertEquals(NetworkKind.WIFI, state.network)
        assertEquals(false, state.isMetered)
        assertNotNull(state.networkId)
    }

    @Test
    fun aVpnOverWifiIsWifi() {
        network(NetworkCapabilities.TRANSPORT_VPN, NetworkCapabilities.TRANSPORT_WIFI)
        assertEquals(NetworkKind.WIFI, state().network)
    }

    @Test
    fun aVpnThatHidesItsCarrierIsSomethingElse() {
        network(NetworkCapabilities.TRANSPORT_VPN)
        assertEquals(NetworkKind.OTHER, state().network)
    }

    @Test
    fun aMeteredCellularNetworkIsNamedByItsCarrier() {
        network(NetworkCapabilities.TRANSPORT_CELLULAR, metered = true)
        val telephony = shadowOf(service<TelephonyManager>())
        telephony.setDataNetworkType(TelephonyManager.NETWORK_TYPE_LTE)
        telephony.setNetworkOperator("26201")
        val first = state()
        assertEquals(NetworkKind.CELLULAR_4G, first.network)
        assertEquals(true, first.isMetered)
        telephony.setNetworkOperator("26202")
        assertNotEquals(first.networkId, state().networkId)
    }

    @Test
    fun withoutAnActiveNetworkThereIsNone() {
        shadowOf(service<ConnectivityManager>()).setActiveNetworkInfo(null)
        assertEquals(NetworkKind.NONE, state().network)
        assertNull(state().isMetered)
    }

    @Test
    fun theBatteryIsReadAndAnUnknownLevelStaysUnknown() {
        val battery = shadowOf(service<BatteryManager>())
        battery.setIntProperty(BatteryManager.BATTERY_PROPERTY_CAPACITY, 42)
        battery.setIsCharging(true)
        assertEquals(0.42f, state().batteryLevel)
        assertEquals(true, state().isCharging)
        battery.setIntProperty(BatteryManager.BATTERY_PROPERTY_CAPACITY, Int.MIN_VALUE)
        assertNull(state().batteryLevel)
    }

    @Test
    fun powerSavingAndHeatAreRead() {
        val power = shadowOf(service<PowerManager>())
        power.setIsPowerSaveMode(true)
        power.setCurrentThermalStatus(PowerManager.THERMAL_STATUS_SEVERE)
        assertEquals(true, state().isLowPowerMode)
        assertEquals(ThermalState.SERIOUS, state().thermal)
    }

    @Test
    @Config(sdk = [35])
    fun memoryThatIsScarceIsTold() {
        val manager = shadowOf(service<ActivityManager>())

        fun memory(
            available: Long,
            low: Boolean,
        ): MemoryPressure {
            manager.setMemoryInfo(
                ActivityManager.MemoryInfo().apply {
                    availMem = available
                    threshold = 100
                    lowMemory = low
                },
            )
            return state().memory
        }
        assertEquals(MemoryPressure.NORMAL, memory(1000, false))
        assertEquals(MemoryPressure.WARNING, memory(150, false))
        assertEquals(MemoryPressure.CRITICAL, memory(50, true))
    }

    @Test
    fun everyThermalStatusAndGenerationHasItsName() {
        val states = (0..7).map(AndroidDeviceStateProvider::thermal)
        val expected =
            listOf(ThermalState.NOMINAL) + List(2) { ThermalState.FAIR } + ThermalState.SERIOUS +
                List(3) { ThermalState.CRITICAL } + ThermalState.UNKNOWN
        assertEquals(expected, states)
        assertEquals(NetworkKind.CELLULAR_2G, AndroidDeviceStateProvider.generation(TelephonyManager.NETWORK_TYPE_EDGE))
        assertEquals(
            NetworkKind.CELLULAR_3G,
            AndroidDeviceStateProvider.generation(TelephonyManager.NETWORK_TYPE_HSPAP),
        )
        assertEquals(NetworkKind.CELLULAR_5G, AndroidDeviceStateProvider.generation(TelephonyManager.NETWORK_TYPE_NR))
        assertEquals(NetworkKind.CELLULAR, AndroidDeviceStateProvider.generation(TelephonyManager.NETWORK_TYPE_UNKNOWN))
        assertNull(AndroidDeviceStateProvider.bitsPerSecond(0))
        assertEquals(12_000L, AndroidDeviceStateProvider.bitsPerSecond(12))
    }
}
