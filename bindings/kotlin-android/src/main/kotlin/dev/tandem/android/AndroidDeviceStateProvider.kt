package dev.tandem.android

import android.annotation.TargetApi
import android.app.ActivityManager
import android.content.Context
import android.net.ConnectivityManager
import android.net.Network
import android.net.NetworkCapabilities
import android.os.BatteryManager
import android.os.Build
import android.os.PowerManager
import android.telephony.TelephonyManager
import dev.tandem.DeviceState
import dev.tandem.DeviceStateProvider
import dev.tandem.MemoryPressure
import dev.tandem.NetworkKind
import dev.tandem.ThermalState

/**
 * The state of an Android device, as the system tells it.
 *
 * ```kotlin
 * Tandem.open(RuntimeConfig(endpoints, deviceState = AndroidDeviceStateProvider(context)))
 * ```
 *
 * The network takes the permission `ACCESS_NETWORK_STATE`, which is granted at installation; the generation of a
 * cellular network takes `READ_BASIC_PHONE_STATE` or `READ_PHONE_STATE` besides. Without a permission what it guards
 * stays unknown. Rates are the system's belief of the first hop, no measurement.
 *
 * @param context any context of the app; its application is kept.
 */
public class AndroidDeviceStateProvider(
    context: Context,
) : DeviceStateProvider {
    private val application: Context = context.applicationContext ?: context

    override fun deviceState(): DeviceState {
        val battery = service<BatteryManager>()
        val power = service<PowerManager>()
        return network().copy(
            batteryLevel = battery?.level(),
            isCharging = battery?.isCharging,
            isLowPowerMode = power?.isPowerSaveMode,
            thermal = power?.thermal() ?: ThermalState.UNKNOWN,
            memory = service<ActivityManager>()?.memory() ?: MemoryPressure.UNKNOWN,
        )
    }

    private fun network(): DeviceState {
        val connectivity = service<ConnectivityManager>() ?: return DeviceState()
        return try {
            val network = connectivity.activeNetwork ?: return DeviceState(network = NetworkKind.NONE)
            val capabilities = connectivity.getNetworkCapabilities(network) ?: return DeviceState()
            val kind = kind(capabilities)
            DeviceState(
                network = kind,
                networkId = id(network, kind),
                isMetered = !capabilities.hasCapability(NetworkCapabilities.NET_CAPABILITY_NOT_METERED),
                uplinkBitsPerSecond = bitsPerSecond(capabilities.linkUpstreamBandwidthKbps),
                downlinkBitsPerSecond = bitsPerSecond(capabilities.linkDownstreamBandwidthKbps),
            )
        } catch (_: SecurityException) {
            DeviceState()
        }
    }

    private fun kind(capabilities: NetworkCapabilities): NetworkKind =
        when {
            // A VPN carries the transports of what lies below it, where it tells.
            capabilities.hasTransport(NetworkCapabilities.TRANSPORT_WIFI) -> NetworkKind.WIFI

            capabilities.hasTransport(NetworkCapabilities.TRANSPORT_ETHERNET) -> NetworkKind.ETHERNET

            capabilities.hasTransport(NetworkCapabilities.TRANSPORT_CELLULAR) -> generation()

            else -> NetworkKind.OTHER
        }

    private fun generation(): NetworkKind =
        try {
            service<TelephonyManager>()?.let { generation(it.dataNetworkType) } ?: NetworkKind.CELLULAR
        } catch (_: SecurityException) {
            NetworkKind.CELLULAR
        } catch (_: UnsupportedOperationException) {
            // A device that has no telephony of its own says so this way.
            NetworkKind.CELLULAR
        }

    /** A carrier by its number, which outlives a connection; anything else by its connection. */
    private fun id(
        network: Network,
        kind: NetworkKind,
    ): String {
        val carrier = if (kind in CELLULAR) service<TelephonyManager>()?.networkOperator.orEmpty() else ""
        return if (carrier.isEmpty()) "network ${network.networkHandle}" else "carrier $carrier"
    }

    private inline fun <reified T> service(): T? = application.getSystemService(T::class.java)

    internal companion object {
        val CELLULAR =
            setOf(
                NetworkKind.CELLULAR,
                NetworkKind.CELLULAR_2G,
                NetworkKind.CELLULAR_3G,
                NetworkKind.CELLULAR_4G,
                NetworkKind.CELLULAR_5G,
            )

        /** What the system says in kbit/s; 0 is its word for not known. */
        fun bitsPerSecond(kilobits: Int): Long? = if (kilobits > 0) kilobits * 1000L else null

        @Suppress("DEPRECATION") // Networks that newer phones cannot use are still named so by older ones.
        fun generation(dataNetworkType: Int): NetworkKind =
            when (dataNetworkType) {
                TelephonyManager.NETWORK_TYPE_GPRS,
                TelephonyManager.NETWORK_TYPE_EDGE,
                TelephonyManager.NETWORK_TYPE_CDMA,
                TelephonyManager.NETWORK_TYPE_1xRTT,
                TelephonyManager.NETWORK_TYPE_IDEN,
                TelephonyManager.NETWORK_TYPE_GSM,
                -> NetworkKind.CELLULAR_2G

                TelephonyManager.NETWORK_TYPE_UMTS,
                TelephonyManager.NETWORK_TYPE_EVDO_0,
                TelephonyManager.NETWORK_TYPE_EVDO_A,
                TelephonyManager.NETWORK_TYPE_EVDO_B,
                TelephonyManager.NETWORK_TYPE_HSDPA,
                TelephonyManager.NETWORK_TYPE_HSUPA,
                TelephonyManager.NETWORK_TYPE_HSPA,
                TelephonyManager.NETWORK_TYPE_HSPAP,
                TelephonyManager.NETWORK_TYPE_EHRPD,
                TelephonyManager.NETWORK_TYPE_TD_SCDMA,
                -> NetworkKind.CELLULAR_3G

                TelephonyManager.NETWORK_TYPE_LTE -> NetworkKind.CELLULAR_4G

                TelephonyManager.NETWORK_TYPE_NR -> NetworkKind.CELLULAR_5G

                else -> NetworkKind.CELLULAR
            }

        fun thermal(status: Int): ThermalState =
            when (status) {
                PowerManager.THERMAL_STATUS_NONE -> ThermalState.NOMINAL

                PowerManager.THERMAL_STATUS_LIGHT,
                PowerManager.THERMAL_STATUS_MODERATE,
                -> ThermalState.FAIR

                PowerManager.THERMAL_STATUS_SEVERE -> ThermalState.SERIOUS

                PowerManager.THERMAL_STATUS_CRITICAL,
                PowerManager.THERMAL_STATUS_EMERGENCY,
                PowerManager.THERMAL_STATUS_SHUTDOWN,
                -> ThermalState.CRITICAL

                else -> ThermalState.UNKNOWN
            }
    }

    @TargetApi(Build.VERSION_CODES.Q)
    private fun PowerManager.thermal(): ThermalState =
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) thermal(currentThermalStatus) else ThermalState.UNKNOWN
}

/** How full, from 0 to 1. Devices that do not know say a number that is no percentage. */
private fun BatteryManager.level(): Float? =
    getIntProperty(BatteryManager.BATTERY_PROPERTY_CAPACITY).takeIf { it in 0..100 }?.let { it / 100f }

/** Below its threshold the system ends processes; within twice of it that is near. */
private fun ActivityManager.memory(): MemoryPressure {
    val info = ActivityManager.MemoryInfo()
    getMemoryInfo(info)
    return when {
        info.lowMemory -> MemoryPressure.CRITICAL
        info.availMem < 2 * info.threshold -> MemoryPressure.WARNING
        else -> MemoryPressure.NORMAL
    }
}
