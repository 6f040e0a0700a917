package dev.tandem.demo.ui

import android.view.View
import android.view.ViewGroup
import android.widget.RadioGroup
import android.widget.Spinner
import android.widget.TextView
import dev.tandem.InferenceMode
import dev.tandem.Sensitivity
import dev.tandem.demo.R
import dev.tandem.demo.model.Answer
import dev.tandem.demo.model.DrawModel
import dev.tandem.demo.model.DrawState
import dev.tandem.demo.model.Figures
import dev.tandem.demo.model.Phase
import dev.tandem.demo.model.Point
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.launch

class DrawScreen(
    room: ViewGroup,
    model: DrawModel,
    scope: CoroutineScope,
) : Screen(room, R.layout.screen_draw) {
    private val figures = Figures()
    private val reasons = texts(R.array.reasons)
    private val phaseNames = texts(R.array.phases)
    private val hints = texts(R.array.sensitivity_hints)
    private val ink: InkView = find(R.id.ink)
    private val verdict: View = find(R.id.verdict)
    private val digit: TextView = find(R.id.digit)
    private val certainty: TextView = find(R.id.certainty)
    private val place: TextView = find(R.id.place)
    private val reason: TextView = find(R.id.reason)
    private val probabilities: ProbabilityView = find(R.id.probabilities)
    private val timeGroup: View = find(R.id.time_group)
    private val mode: Spinner = find(R.id.mode)
    private val sensitivity: RadioGroup = find(R.id.sensitivity)

    init {
        ink.pen =
            object : InkView.Pen {
                override fun down(point: Point) = model.penDown(point)

                override fun moved(point: Point) = model.penMoved(point)

                override fun up() = model.penUp()
            }
        find<View>(R.id.example).setOnClickListener { model.showExample() }
        find<View>(R.id.clear).setOnClickListener { model.clear() }
        mode.choices(texts(R.array.modes)) { model.setMode(InferenceMode.entries[it]) }
        // Before the first choice is reported, or it would be taken for the user's.
        mode.setSelection(model.state.value.mode.ordinal, false)
        sensitivity.choices(texts(R.array.sensitivities)) { model.setSensitivity(Sensitivity.entries[it]) }
        scope.launch { model.state.collect(::show) }
    }

    private fun show(state: DrawState) {
        ink.ink = state.ink
        find<View>(R.id.clear).isEnabled = !state.ink.isEmpty
        mode.setSelection(state.mode.ordinal)
        sensitivity.choose(state.sensitivity.ordinal)
        find<TextView>(R.id.sensitivity_hint).text = hints[state.sensitivity.ordinal]
        val answer = state.answer
        if (answer != null) {
            show(answer)
        } else {
            showNothing(state)
        }
        // What was read before stays in sight while the next is read, but pale.
        verdict.alpha = if (state.isBusy && answer != null) PALE else 1f
    }

    private fun show(answer: Answer) {
        val look = context.look(answer.placement)
        val certain = text(R.string.draw_certainty, figures.percent(answer.probabilities[answer.digit].toDouble()))
        val fallback = answer.fallbackCause
        val because = reasons[answer.reason.ordinal]
        digit.text = answer.digit.toString()
        digit.visibility = View.VISIBLE
        certainty.text = certain
        place.visibility = View.VISIBLE
        place.setTextColor(look.color)
        place.withDot(look.color, look.name)
        reason.text = if (fallback == null) because else text(R.string.draw_fallback, because, fallback)
        verdict.contentDescription =
            text(R.string.draw_verdict, answer.digit, certain, look.name, reason.text)
        probabilities.show(answer.probabilities, look.color)
        showTime(answer)
    }

    private fun showTime(answer: Answer) {
        val parts = answer.phases.map { (phase, time) -> Triple(phase, time, color(phase)) }
        val total = figures.time(answer.total)
        timeGroup.visibility = View.VISIBLE
        find<TextView>(R.id.time).text = total
        find<PhaseBar>(R.id.phases).parts =
            parts.map { (_, time, color) -> time.inWholeNanoseconds.toDouble() to color }
        val legend =
            parts.map { (phase, time, color) ->
                color to text(R.string.legend, phaseNames[phase.ordinal], figures.time(time))
            }
        find<Flow>(R.id.legend).legend(legend)
        timeGroup.contentDescription =
            text(R.string.draw_time_description, total, legend.joinToString { it.second })
    }

    private fun showNothing(state: DrawState) {
        val trouble = state.trouble
        digit.visibility = View.GONE
        place.visibility = View.GONE
        timeGroup.visibility = View.GONE
        certainty.text =
            when {
                trouble != null -> text(R.string.draw_failed)
                state.isBusy -> text(R.string.draw_reading)
                else -> text(R.string.draw_waiting)
            }
        reason.text = trouble?.detail ?: text(R.string.draw_waiting_detail)
        verdict.contentDescription = "${certainty.text}. ${reason.text}"
        probabilities.show(emptyList(), context.getColor(R.color.track))
    }

    private fun color(phase: Phase): Int =
        context.getColor(
            when (phase) {
                Phase.DEVICE -> R.color.phase_device
                Phase.ENCODE -> R.color.phase_encode
                Phase.CONNECT -> R.color.phase_connect
                Phase.UPLOAD -> R.color.phase_upload
                Phase.WAIT -> R.color.phase_wait
                Phase.SERVER -> R.color.phase_server
                Phase.DOWNLOAD -> R.color.phase_download
                Phase.DECODE -> R.color.phase_decode
                Phase.REST -> R.color.outline
            },
        )

    private companion object {
        const val PALE = 0.5f
    }
}
