package dev.tandem.demo.model

import dev.tandem.InferenceMode
import dev.tandem.Placement
import dev.tandem.RunOptions
import dev.tandem.Tensor
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration
import kotlin.time.DurationUnit
import kotlin.time.TimeSource

/** A bundled picture: what is on it, and its values from 0 to 1, 8 by 8. */
class Picture(
    val label: Int,
    val pixels: FloatArray,
)

/** Reads the bundled pictures. May block. */
fun interface Pictures {
    fun read(): List<Picture>
}

/** What became of a picture when it was read last. */
data class Outcome(
    val isRight: Boolean,
    val placement: Placement,
)

/** What the Batch screen shows. */
data class BatchState(
    val pictures: List<Picture> = emptyList(),
    val outcomes: List<Outcome?> = emptyList(),
    val mode: InferenceMode = InferenceMode.AUTO,
    val rounds: Int = 10,
    val isRunning: Boolean = false,
    val isCancelled: Boolean = false,
    val done: Int = 0,
    val right: Int = 0,
    val onDevice: Int = 0,
    val inCloud: Int = 0,
    val split: Int = 0,
    val elapsed: Duration = Duration.ZERO,
    val trouble: Trouble? = null,
) {
    val total: Int get() = pictures.size * rounds

    /** The share of answers that were right; `null` before the first. */
    val accuracy: Double? get() = if (done > 0) right.toDouble() / done else null

    /** Answers a second; `null` before the first. */
    val throughput: Double? get() = if (done > 0) done / elapsed.toDouble(DurationUnit.SECONDS) else null
}

/** Reads all bundled pictures, several at once, as often as asked. Its functions are called on one thread. */
class BatchModel(
    private val engine: Engine,
    private val pictures: Pictures,
    private val scope: CoroutineScope,
    saved: Map<String, String> = emptyMap(),
) {
    private val mutable =
        MutableStateFlow(
            BatchState(
                mode = enumOr(saved["mode"], InferenceMode.AUTO),
                rounds = saved["rounds"]?.toIntOrNull()?.takeIf { it in ROUNDS } ?: ROUNDS[1],
            ),
        )
    private var running: Job? = null
    private var reading: Job? = null

    val state: StateFlow<BatchState> = mutable.asStateFlow()

    /** Reads the pictures, so that they can be shown. */
    fun start() {
        if (reading != null) return
        reading =
            scope.launch(Dispatchers.IO) {
                val read = pictures.read()
                mutable.update { it.copy(pictures = read, outcomes = List(read.size) { null }) }
            }
    }

    fun setMode(mode: InferenceMode) = mutable.update { if (it.isRunning) it else it.copy(mode = mode) }

    fun setRounds(rounds: Int) = mutable.update { if (it.isRunning) it else it.copy(rounds = rounds) }

    fun run() {
        val asked = state.value
        if (asked.isRunning || asked.pictures.isEmpty()) return
        val fresh = BatchState(asked.pictures, List(asked.pictures.size) { null }, asked.mode, asked.rounds)
        mutable.value = fresh.copy(isRunning = true)
        val job =
            scope.launch(Dispatchers.Default) {
                val trouble = attempt<List<Trouble>>(::listOf) { readAll(fresh) }.firstOrNull()
                mutable.update { it.copy(isRunning = false, trouble = trouble) }
            }
        // Not in the coroutine: one that is cancelled before it began does nothing at all.
        job.invokeOnCompletion { cause ->
            if (cause != null) mutable.update { it.copy(isRunning = false, isCancelled = true) }
        }
        running = job
    }

    /** Stops the run. What was read stays shown. */
    fun cancel() {
        running?.cancel()
    }

    fun saveState(): Map<String, String> =
        mapOf(
            "mode" to state.value.mode.name,
            "rounds" to state.value.rounds.toString(),
        )

    private suspend fun readAll(asked: BatchState): List<Trouble> {
        val model = engine.model(Network.DIGITS)
        val options = RunOptions(asked.mode, outputs = listOf("probabilities"))
        val began = TimeSource.Monotonic.markNow()
        val next = AtomicInteger()
        coroutineScope {
            repeat(AT_ONCE) {
                launch {
                    while (true) {
                        val turn = next.getAndIncrement()
                        if (turn >= asked.total) break
                        val index = turn % asked.pictures.size
                        val picture = asked.pictures[index]
                        val image = Tensor.of(picture.pixels, 1, 1, Ink.SIDE.toLong(), Ink.SIDE.toLong())
                        val answer = model.run(mapOf("image" to image), options).use(Answer::of)
                        val outcome = Outcome(answer.digit == picture.label, answer.placement)
                        mutable.update { it.with(index, outcome, began.elapsedNow()) }
                    }
                }
            }
        }
        return emptyList()
    }

    private fun BatchState.with(
        index: Int,
        outcome: Outcome,
        elapsed: Duration,
    ): BatchState {
        val place = outcome.placement
        return copy(
            outcomes = outcomes.toMutableList().also { it[index] = outcome },
            done = done + 1,
            right = right + if (outcome.isRight) 1 else 0,
            onDevice = onDevice + if (place is Placement.OnDevice) 1 else 0,
            inCloud = inCloud + if (place is Placement.InCloud) 1 else 0,
            split = split + if (place is Placement.Split) 1 else 0,
            elapsed = elapsed,
        )
    }

    companion object {
        /** How often all pictures may be read. */
        val ROUNDS = listOf(1, 10, 100)
        private const val AT_ONCE = 4
    }
}
