package dev.tandem.demo.ui

import android.view.LayoutInflater
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.ProgressBar
import android.widget.RadioGroup
import android.widget.Spinner
import android.widget.TextView
import dev.tandem.InferenceMode
import dev.tandem.Placement
import dev.tandem.demo.R
import dev.tandem.demo.model.BatchModel
import dev.tandem.demo.model.BatchState
import dev.tandem.demo.model.Figures
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlin.time.Duration.Companion.milliseconds

class BatchScreen(
    room: ViewGroup,
    private val model: BatchModel,
    scope: CoroutineScope,
) : Screen(room, R.layout.screen_batch) {
    private val figures = Figures()
    private val thumbnails: ThumbnailsView = find(R.id.thumbnails)
    private val progress: ProgressBar = find(R.id.progress)
    private val run: Button = find(R.id.batch_run)
    private val mode: Spinner = find(R.id.batch_mode)
    private val rounds: RadioGroup = find(R.id.rounds)

    init {
        run.setOnClickListener { if (model.state.value.isRunning) model.cancel() else model.run() }
        mode.choices(texts(R.array.modes)) { model.setMode(InferenceMode.entries[it]) }
        mode.setSelection(model.state.value.mode.ordinal, false)
        rounds.choices(BatchModel.ROUNDS.map { "$it×" }.toTypedArray()) { model.setRounds(BatchModel.ROUNDS[it]) }
        val results: Flow = find(R.id.results)
        repeat(NUMBERS) { LayoutInflater.from(context).inflate(R.layout.number, results) }
        model.start()
        scope.launch {
            model.state.collect {
                show(it)
                // Answers come faster than a screen is drawn, and than TalkBack speaks.
                delay(FRAME)
            }
        }
    }

    private fun show(state: BatchState) {
        thumbnails.show(state)
        progress.max = maxOf(state.total, 1)
        progress.progress = state.done
        run.text = text(if (state.isRunning) R.string.batch_cancel else R.string.batch_run)
        run.isEnabled = state.pictures.isNotEmpty()
        mode.isEnabled = !state.isRunning
        mode.setSelection(state.mode.ordinal)
        rounds.choose(BatchModel.ROUNDS.indexOf(state.rounds))
        for (index in 0 until rounds.childCount) rounds.getChildAt(index).isEnabled = !state.isRunning
        showStatus(state)
        showResults(state)
    }

    private fun showStatus(state: BatchState) {
        val (done, total) = figures.count(state.done) to figures.count(state.total)
        val trouble = state.trouble
        val status: TextView = find(R.id.batch_status)
        status.text =
            when {
                state.isRunning -> text(R.string.batch_running, done, total)
                trouble != null -> text(R.string.batch_failed, done, trouble.detail)
                state.isCancelled -> text(R.string.batch_cancelled, done, total)
                state.done > 0 -> text(R.string.batch_done, done, figures.time(state.elapsed))
                else -> text(R.string.batch_idle, figures.count(state.pictures.size))
            }
        // While it runs the bar says enough: a sentence for every answer would be noise.
        status.accessibilityLiveRegion =
            if (state.isRunning) View.ACCESSIBILITY_LIVE_REGION_NONE else View.ACCESSIBILITY_LIVE_REGION_POLITE
    }

    private fun showResults(state: BatchState) {
        val none = text(R.string.batch_none)
        val results: Flow = find(R.id.results)
        val right = state.accuracy?.let(figures::percent) ?: none
        val speed = state.throughput?.let(figures::digits) ?: none
        number(results.getChildAt(0), right, text(R.string.batch_right))
        number(results.getChildAt(1), speed, text(R.string.batch_throughput))
        val places =
            listOf(Placement.OnDevice to state.onDevice, CLOUD to state.inCloud, SPLIT to state.split)
                .map { (place, count) -> context.look(place) to count }
        find<PhaseBar>(R.id.places).parts = places.map { (look, count) -> count.toDouble() to look.color }
        find<Flow>(R.id.places_legend).legend(
            places.map { (look, count) -> look.color to text(R.string.legend, look.name, figures.count(count)) },
        )
    }

    private fun number(
        view: View,
        value: String,
        name: String,
    ) {
        view.part<TextView>(R.id.number_value).text = value
        view.part<TextView>(R.id.number_name).text = name
        view.contentDescription = "$name: $value"
    }

    private companion object {
        const val NUMBERS = 2
        val FRAME = 50.milliseconds
        val CLOUD = Placement.InCloud("")
        val SPLIT = Placement.Split("", "")
    }
}
