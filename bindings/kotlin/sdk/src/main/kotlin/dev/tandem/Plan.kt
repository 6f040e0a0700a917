package dev.tandem

import kotlin.time.Duration

/**
 * The decision without the work.
 *
 * @property order placements to try in this order: the chosen one, then what may take over when it fails.
 * @property candidates everything that was considered.
 * @property hedgeAfter when a run with [RunOptions.hedge] begins on this device too, counted from its start; `null` where
 *   there is nothing to gain.
 */
public class Plan internal constructor(
    public val order: List<Placement>,
    public val candidates: List<Candidate>,
    public val hedgeAfter: Duration?,
    private val explanation: String,
    private val json: String,
) {
    /** The chosen candidate. */
    public val chosen: Candidate?
        get() = order.firstOrNull()?.let { this[it] }

    /** The candidate of that placement; `null` where it was not considered. */
    public operator fun get(placement: Placement): Candidate? = candidates.find { it.placement == placement }

    /**
     * The decision as text for people: a line for each candidate with its predicted middle and 90th percentile, energy,
     * bytes, and why it was or was not chosen. Programs read the properties or [toJson].
     */
    public fun explain(): String = explanation

    /** The decision as JSON, in the form that Rust and the command line give it too: times in seconds, as numbers. */
    public fun toJson(): String = json

    override fun toString(): String = "Plan(${order.firstOrNull()} of ${candidates.size} candidates)"
}
