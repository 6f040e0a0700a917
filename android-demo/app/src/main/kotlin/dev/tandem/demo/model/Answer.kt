package dev.tandem.demo.model

import dev.tandem.Placement
import dev.tandem.Prediction
import dev.tandem.Reason
import dev.tandem.Timing
import kotlin.time.Duration

/** A part of the time that a run took. */
enum class Phase { DEVICE, ENCODE, CONNECT, UPLOAD, WAIT, SERVER, DOWNLOAD, DECODE, REST }

/** What the app shows of a prediction. */
data class Answer(
    val digit: Int,
    val probabilities: List<Float>,
    val placement: Placement,
    val reason: Reason,
    val fallbackCause: String?,
    val total: Duration,
    val phases: Map<Phase, Duration>,
) {
    companion object {
        fun of(prediction: Prediction): Answer {
            val probabilities = prediction["probabilities"].toFloatArray().toList()
            val decision = prediction.decision
            return Answer(
                probabilities.indices.maxBy { probabilities[it] },
                probabilities,
                decision.placement,
                decision.reason,
                decision.fallbackCause,
                prediction.timing.total,
                phases(prediction.timing),
            )
        }

        /** The parts of the time that were not nothing, in the order in which they passed. */
        private fun phases(timing: Timing): Map<Phase, Duration> {
            val remote = timing.remote
            val server = remote?.server ?: Duration.ZERO
            val parts =
                listOf(
                    Phase.DEVICE to timing.device,
                    Phase.ENCODE to remote?.encode,
                    Phase.CONNECT to remote?.connect,
                    Phase.UPLOAD to remote?.upload,
                    // The answer's head comes when the server is done.
                    Phase.WAIT to remote?.let { it.wait - server },
                    Phase.SERVER to remote?.server,
                    Phase.DOWNLOAD to remote?.download,
                    Phase.DECODE to remote?.decode,
                ).map { (phase, time) -> phase to (time ?: Duration.ZERO) }
            // Planning, and attempts elsewhere.
            val rest = timing.total - parts.fold(Duration.ZERO) { sum, (_, time) -> sum + time }
            return (parts + (Phase.REST to rest)).filter { (_, time) -> time > Duration.ZERO }.toMap()
        }
    }
}
