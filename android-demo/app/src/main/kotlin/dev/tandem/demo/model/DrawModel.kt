package dev.tandem.demo.model

import dev.tandem.InferenceMode
import dev.tandem.RunOptions
import dev.tandem.Sensitivity
import dev.tandem.Tensor
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch

/** What the Draw screen shows. */
data class DrawState(
    val ink: Ink = Ink(),
    val mode: InferenceMode = InferenceMode.AUTO,
    val sensitivity: Sensitivity = Sensitivity.PUBLIC,
    val isBusy: Boolean = false,
    val answer: Answer? = null,
    val trouble: Trouble? = null,
)

/** A digit is drawn, and read wherever mode and sensitivity lead. Its functions are called on one thread. */
class DrawModel(
    private val engine: Engine,
    private val scope: CoroutineScope,
    saved: Map<String, String> = emptyMap(),
) {
    private val mutable = MutableStateFlow(restored(saved))
    private var reading: Job? = null
    private var nextExample = saved["example"]?.toIntOrNull() ?: FIRST_EXAMPLE

    val state: StateFlow<DrawState> = mutable.asStateFlow()

    init {
        read()
    }

    fun penDown(point: Point) = mutable.update { it.copy(ink = it.ink.begin(point)) }

    fun penMoved(point: Point) = mutable.update { it.copy(ink = it.ink.lead(point)) }

    fun penUp() = read()

    fun clear() {
        mutable.update { it.copy(ink = Ink()) }
        read()
    }

    /** Puts the next example in the place of the drawing. */
    fun showExample() {
        mutable.update { it.copy(ink = Examples.of(nextExample)) }
        nextExample = (nextExample + 1) % 10
        read()
    }

    fun setMode(mode: InferenceMode) = set { it.copy(mode = mode) }

    fun setSensitivity(sensitivity: Sensitivity) = set { it.copy(sensitivity = sensitivity) }

    fun saveState(): Map<String, String> {
        val state = state.value
        return mapOf(
            "ink" to state.ink.encode(),
            "mode" to state.mode.name,
            "sensitivity" to state.sensitivity.name,
            "example" to nextExample.toString(),
        )
    }

    private fun set(change: (DrawState) -> DrawState) {
        val before = mutable.value
        val after = change(before)
        if (after != before) {
            mutable.value = after
            read()
        }
    }

    /** Reads the drawing; what was being read is stopped. */
    private fun read() {
        reading?.cancel()
        val asked = mutable.value
        if (asked.ink.isEmpty) {
            mutable.update { it.copy(isBusy = false, answer = null, trouble = null) }
            return
        }
        mutable.update { it.copy(isBusy = true) }
        reading =
            scope.launch {
                val read =
                    attempt<(DrawState) -> DrawState>({ trouble -> { it.copy(answer = null, trouble = trouble) } }) {
                        val answer = answer(asked)
                        val shown: (DrawState) -> DrawState = { it.copy(answer = answer, trouble = null) }
                        shown
                    }
                mutable.update { read(it).copy(isBusy = false) }
            }
    }

    private suspend fun answer(asked: DrawState): Answer {
        val image = Tensor.of(asked.ink.toPixels(), 1, 1, Ink.SIDE.toLong(), Ink.SIDE.toLong())
        val options = RunOptions(asked.mode, asked.sensitivity, outputs = listOf("probabilities"))
        return engine.model(Network.DIGITS).run(mapOf("image" to image), options).use(Answer::of)
    }

    private companion object {
        const val FIRST_EXAMPLE = 3

        fun restored(saved: Map<String, String>) =
            DrawState(
                Ink.decode(saved["ink"].orEmpty()),
                enumOr(saved["mode"], InferenceMode.AUTO),
                enumOr(saved["sensitivity"], Sensitivity.PUBLIC),
            )
    }
}

/** The constant of that name, or [other] where there is none. */
internal inline fun <reified T : Enum<T>> enumOr(
    name: String?,
    other: T,
): T = enumValues<T>().firstOrNull { it.name == name } ?: other
