package dev.tandem

/**
 * What connects the device to the world.
 *
 * @property id the kind as text: `cellular_4g`.
 */
public enum class NetworkKind(
    public val id: String,
) {
    /** Not known. */
    UNKNOWN("unknown"),

    /** Nothing does. */
    NONE("none"),

    /** Wi-Fi. */
    WIFI("wifi"),

    /** A cable. */
    ETHERNET("ethernet"),

    /** A cellular network of a generation that is not known. */
    CELLULAR("cellular"),

    /** GSM, GPRS, EDGE. */
    CELLULAR_2G("cellular_2g"),

    /** UMTS, HSPA, EV-DO. */
    CELLULAR_3G("cellular_3g"),

    /** LTE. */
    CELLULAR_4G("cellular_4g"),

    /** NR, also with an LTE anchor. */
    CELLULAR_5G("cellular_5g"),

    /** Something else: Bluetooth, a VPN whose carrier is hidden. */
    OTHER("other"),
    ;

    override fun toString(): String = id
}

/** How hot the device is. */
public enum class ThermalState {
    /** Not known. */
    UNKNOWN,

    /** Cool. */
    NOMINAL,

    /** Warm; Android's light and moderate. */
    FAIR,

    /** Hot, and slowed down; Android's severe. */
    SERIOUS,

    /** Too hot; Android's critical and above. */
    CRITICAL,
}

/** How short the device is of memory. */
public enum class MemoryPressure {
    /** Not known. */
    UNKNOWN,

    /** There is enough. */
    NORMAL,

    /** It becomes scarce. */
    WARNING,

    /** The system is about to end processes. */
    CRITICAL,
}

/**
 * What state the device is in. What is `null` or `UNKNOWN` is not known, and nothing is guessed from it.
 *
 * @property network what connects it to the world.
 * @property networkId names the network that is in use, in any way: another name means another access point or carrier,
 *   of which nothing was learned yet. It stays on the device.
 * @property isMetered whether bytes cost money there.
 * @property uplinkBitsPerSecond what the system believes the first hop can send.
 * @property downlinkBitsPerSecond what the system believes the first hop can receive.
 * @property batteryLevel how full the battery is, from 0 to 1.
 * @property isCharging whether the device is on external power.
 * @property isLowPowerMode whether the user asked the system to save the battery.
 * @property thermal how hot it is.
 * @property memory how short it is of memory.
 */
public data class DeviceState(
    val network: NetworkKind = NetworkKind.UNKNOWN,
    val networkId: String? = null,
    val isMetered: Boolean? = null,
    val uplinkBitsPerSecond: Long? = null,
    val downlinkBitsPerSecond: Long? = null,
    val batteryLevel: Float? = null,
    val isCharging: Boolean? = null,
    val isLowPowerMode: Boolean? = null,
    val thermal: ThermalState = ThermalState.UNKNOWN,
    val memory: MemoryPressure = MemoryPressure.UNKNOWN,
)

/** Tells what state the device is in, so that plans fit it. The Android artifact has one: `AndroidDeviceStateProvider`. */
public fun interface DeviceStateProvider {
    /**
     * The state as it is now.
     *
     * Called on a thread of a run, at most once a second; must not block. Where it throws, the state is not known.
     */
    public fun deviceState(): DeviceState
}

/** A state that never changes: for tests, and to see what would be if. */
public class FixedDeviceState(
    private val state: DeviceState,
) : DeviceStateProvider {
    override fun deviceState(): DeviceState = state

    override fun toString(): String = "FixedDeviceState($state)"
}
