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
}

/**
 * Why a placement was chosen or not. Stable in every language and over versions.
 *
 * @property id the reason as text: `mode_requires`.
 */
public enum class Reason(
    public val id: String,
) {
    /** The mode asks for it. */
    MODE_REQUIRES("mode_requires"),

    /** The mode prefers it. */
    MODE_PREFERS("mode_prefers"),

    /** The mode forbids it. */
    MODE_FORBIDS("mode_forbids"),

    /** The sensitivity label forbids it. */
    SENSITIVITY_FORBIDS("sensitivity_forbids"),

    /** No rule prefers another. */
    DEFAULT("default"),

    /** Another candidate comes first. */
    NOT_FIRST("not_first"),

    /** The endpoint could not be reached when it was last tried. */
    UNREACHABLE("unreachable"),

    /** The first choice failed during this run, and the run went on elsewhere. */
    FALLBACK("fallback"),
    ;

    override fun toString(): String = id
}

/**
 * A placement that was considered.
 *
 * @property placement where.
 * @property isAllowed whether mode and label allow it.
 * @property reason why it was chosen or not.
 */
public data class Candidate(
    val placement: Placement,
    val isAllowed: Boolean,
    val reason: Reason,
)

/**
 * Where a run happened and why.
 *
 * @property placement where it happened.
 * @property reason why there.
 * @property candidates everything that was considered, the chosen one included.
 * @property fallbackCause what went wrong first, where the run went on elsewhere because of it.
 */
public data class Decision(
    val placement: Placement,
    val reason: Reason,
    val candidates: List<Candidate>,
    val fallbackCause: String?,
)

/**
 * The decision without the work.
 *
 * @property order placements to try in this order: the chosen one, then what may take over when it fails.
 * @property candidates everything that was considered.
 */
public data class Plan(
    val order: List<Placement>,
    val candidates: List<Candidate>,
)
