package dev.tandem

import kotlin.time.Duration

/**
 * The range in which the whole time of a run is expected. From [p05] to [p95] is the 90 % band: nine real times of ten
 * should fall into it, and [Statistics] counts how many do.
 *
 * @property mean the average.
 * @property p05 one time of twenty is shorter.
 * @property p50 half of the times are shorter.
 * @property p90 nine times of ten are shorter.
 * @property p95 nineteen times of twenty are shorter.
 */
public data class LatencyBand(
    val mean: Duration,
    val p05: Duration,
    val p50: Duration,
    val p90: Duration,
    val p95: Duration,
) {
    /** Whether [time] lies in the 90 % band. */
    public operator fun contains(time: Duration): Boolean = time in p05..p95
}

/**
 * The middles of the parts that a predicted time is made of. Parts that a placement does not have are zero.
 *
 * @property onDevice the whole model on this device.
 * @property head the head on this device.
 * @property encode making the request's bytes.
 * @property setup making the connection and waking the radio.
 * @property upload sending the request.
 * @property wait the round trip and the queue before the server computes.
 * @property server the whole model or its tail on the server.
 * @property download receiving the answer.
 */
public data class PredictedParts(
    val onDevice: Duration,
    val head: Duration,
    val encode: Duration,
    val setup: Duration,
    val upload: Duration,
    val wait: Duration,
    val server: Duration,
    val download: Duration,
)

/**
 * What a placement is expected to cost.
 *
 * @property latency from the call to the result.
 * @property parts the middles of what the time is made of.
 * @property energyJoules energy taken from this device's battery, above what it takes when idle.
 * @property bytesUp bytes of the request's body.
 * @property bytesDown bytes of the answer's body.
 */
public data class Predicted(
    val latency: LatencyBand,
    val parts: PredictedParts,
    val energyJoules: Double,
    val bytesUp: Long,
    val bytesDown: Long,
)

/**
 * How planned runs were placed since the runtime was opened, and how good the predictions were.
 *
 * @property onDevice runs that ended on this device as planned.
 * @property inCloud runs that ended on an endpoint as planned.
 * @property split runs that ended split as planned.
 * @property fallbacks runs that ended elsewhere than was planned.
 * @property failures exchanges that failed.
 * @property probes probes that were sent.
 * @property predicted runs whose time had been predicted.
 * @property withinBand those of them whose time fell into the 90 % band.
 * @property belowBand those of them that were faster than the band.
 * @property aboveBand those of them that were slower than the band.
 */
public data class Statistics(
    val onDevice: Long,
    val inCloud: Long,
    val split: Long,
    val fallbacks: Long,
    val failures: Long,
    val probes: Long,
    val predicted: Long,
    val withinBand: Long,
    val belowBand: Long,
    val aboveBand: Long,
) {
    /** The share of predicted runs whose time fell into the 90 % band; `null` where none was predicted. */
    public val coverage: Double?
        get() = if (predicted > 0) withinBand.toDouble() / predicted else null
}
