package dev.tandem

import kotlin.time.Duration

/** Where a run may happen. */
public enum class InferenceMode {
    /** The planner decides. */
    AUTO,

    /** On this device; in the cloud where the device cannot. */
    PREFER_ON_DEVICE,

    /** In the cloud; on this device where the cloud cannot. */
    PREFER_IN_CLOUD,

    /** On this device or not at all. */
    ONLY_ON_DEVICE,

    /** In the cloud or not at all. */
    ONLY_IN_CLOUD,
}

/** How far the data of a run may travel. */
public enum class Sensitivity {
    /** To any endpoint. */
    PUBLIC,

    /** To endpoints marked trusted, over TLS, only. */
    INTERNAL,

    /** Nowhere: it never leaves the device. */
    PRIVATE,
}

/** What a run in mode [InferenceMode.AUTO] should be best at. */
public enum class Objective {
    /** The earliest answer. */
    LATENCY,

    /** The least energy taken from the battery. */
    ENERGY,

    /** The fewest bytes sent. */
    DATA,

    /** A weighing of all three. */
    BALANCED,
}

/** How much an uncertain prediction counts against a placement. */
public enum class Risk {
    /** Not at all: the middles are compared, which makes many runs fast on average. */
    NEUTRAL,

    /** A little. */
    MODERATE,

    /** Fully: the 90th percentiles are compared, which makes slow runs rare. */
    AVERSE,
}

/** What a run does when the cloud was chosen and cannot be reached. */
public enum class OfflineBehavior {
    /** Fails with [TandemException.Offline]. */
    FAIL,

    /** Runs on this device, where the mode allows it. */
    RUN_LOCALLY,
}

/**
 * Options of one call.
 *
 * ```kotlin
 * val options = RunOptions(mode = InferenceMode.PREFER_IN_CLOUD, timeout = 200.milliseconds)
 * ```
 *
 * To stop a call, cancel its coroutine.
 *
 * @property mode where [Model.run] may run. [Model.predict] and [Model.offload] leave no choice.
 * @property sensitivity how far the data may travel.
 * @property objective what a run in mode [InferenceMode.AUTO] should be best at.
 * @property timeout how long the call may take in all, waiting for a free place included; `null` is as long as it takes.
 * @property outputs the outputs wanted, in this order; empty is all of them.
 * @property offline what happens when the cloud was chosen and cannot be reached.
 * @property endpoint the endpoint to use, by name; `null` is the first that may be used.
 * @property tag a word of your own for logs and statistics; sent as the request's `id`.
 * @property privateTensors tensors, by name, that are computed on this device only and never leave it, nor anything computed
 *   from them: the cloud is forbidden, and every cut across which something depends on them or behind which they are
 *   computed. Inputs, outputs and, where the model was loaded with its cuts, the tensors inside its graph.
 * @property risk how much an uncertain prediction counts against a placement.
 * @property hedge whether a run whose endpoint takes long is also begun on this device; the first answer wins and the other
 *   run is cancelled. Costs energy, and makes slow answers rare.
 */
public data class RunOptions(
    val mode: InferenceMode = InferenceMode.AUTO,
    val sensitivity: Sensitivity = Sensitivity.PUBLIC,
    val objective: Objective = Objective.BALANCED,
    val timeout: Duration? = null,
    val outputs: List<String> = emptyList(),
    val offline: OfflineBehavior = OfflineBehavior.RUN_LOCALLY,
    val endpoint: String? = null,
    val tag: String? = null,
    val privateTensors: Set<String> = emptySet(),
    val risk: Risk = Risk.MODERATE,
    val hedge: Boolean = false,
) {
    /** The options of a call that names none. */
    public companion object {
        /** Every option at its default. */
        @JvmField
        public val DEFAULT: RunOptions = RunOptions()
    }
}
