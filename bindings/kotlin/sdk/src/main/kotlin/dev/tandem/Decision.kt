package dev.tandem

/** Where a run happens. */
public sealed class Placement {
    /** On this device. */
    public object OnDevice : Placement() {
        override fun toString(): String = "on device"
    }

    /**
     * On an endpoint.
     *
     * @property endpoint its name.
     */
    public data class InCloud(
        val endpoint: String,
    ) : Placement() {
        override fun toString(): String = "in cloud ($endpoint)"
    }

    /**
     * The head of the graph on this device, its tail on an endpoint.
     *
     * @property cut the cut's id in the manifest.
     * @property endpoint the endpoint's name.
     */
    public data class Split(
        val cut: String,
        val endpoint: String,
    ) : Placement() {
        override fun toString(): String = "split at $cut ($endpoint)"
    }
}

/**
 * Why a placement was chosen or not. Stable in every language and over versions.
 *
 * @property id the reason as text: `mode_requires`.
 */
public enum class Reason(
    public val id: String,
) {
    /** The call or the mode asks for it. */
    MODE_REQUIRES("mode_requires"),

    /** The mode prefers it. */
    MODE_PREFERS("mode_prefers"),

    /** The mode forbids it. */
    MODE_FORBIDS("mode_forbids"),

    /** The sensitivity label forbids it. */
    SENSITIVITY_FORBIDS("sensitivity_forbids"),

    /** What would leave the device is a private tensor or computed from one. */
    PRIVATE_TENSOR("private_tensor"),

    /** The endpoint does not serve this tail. */
    NOT_DEPLOYED("not_deployed"),

    /** No rule prefers another place. */
    DEFAULT("default"),

    /** Another place comes first. */
    NOT_FIRST("not_first"),

    /** The network is metered and the request is large. */
    METERED("metered"),

    /** The device has no network. */
    OFFLINE("offline"),

    /** The endpoint did not answer when it was last tried. */
    UNREACHABLE("unreachable"),

    /** The endpoint failed several times and is left alone for a while. */
    CIRCUIT_OPEN("circuit_open"),

    /** The device is short of memory. */
    LOW_MEMORY("low_memory"),

    /** It would probably miss the deadline. */
    DEADLINE("deadline"),

    /** Too little is known of it to predict its cost. */
    UNPREDICTED("unpredicted"),

    /** It is predicted to serve the objective best. */
    BEST("best"),

    /** It ran here last, and another place is not enough better to switch. */
    HYSTERESIS("hysteresis"),

    /** It is predicted to take longer. */
    SLOWER("slower"),

    /** The endpoint is predicted to start cold and to take longer for it. */
    COLD("cold"),

    /** It is predicted to take more energy. */
    MORE_ENERGY("more_energy"),

    /** It would move more bytes over the network. */
    MORE_DATA("more_data"),

    /** Time, energy and bytes together are predicted to be worse. */
    WORSE_BALANCE("worse_balance"),

    /** The place that was chosen first failed. */
    FALLBACK("fallback"),

    /** This device was begun beside the endpoint and answered first. */
    HEDGE("hedge"),
    ;

    override fun toString(): String = id
}

/**
 * A placement that was considered.
 *
 * @property placement where.
 * @property isAllowed whether mode, label and private tensors allow it.
 * @property reason why it was chosen or not.
 * @property predicted what it was expected to cost; `null` where too little is known to say.
 */
public data class Candidate(
    val placement: Placement,
    val isAllowed: Boolean,
    val reason: Reason,
    val predicted: Predicted? = null,
)

/**
 * Where a run happened and why.
 *
 * @property placement where it happened.
 * @property reason why there.
 * @property candidates everything that was considered, the chosen one included.
 * @property fallbackCause what went wrong first, where the run went on elsewhere because of it.
 * @property predicted what the placement was expected to cost, to stand beside the measured [Timing]; `null` where too
 *   little was known to say.
 */
public data class Decision(
    val placement: Placement,
    val reason: Reason,
    val candidates: List<Candidate>,
    val fallbackCause: String?,
    val predicted: Predicted? = null,
)
