package dev.tandem.demo.ui

import android.view.LayoutInflater
import android.view.View
import android.view.ViewGroup
import android.widget.LinearLayout
import android.widget.RadioGroup
import android.widget.Spinner
import android.widget.TextView
import dev.tandem.Candidate
import dev.tandem.Objective
import dev.tandem.demo.R
import dev.tandem.demo.model.Circumstances
import dev.tandem.demo.model.Figures
import dev.tandem.demo.model.Link
import dev.tandem.demo.model.PlanModel
import dev.tandem.demo.model.PlanState
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.launch
import kotlin.time.Duration
import kotlin.time.DurationUnit

class PlanScreen(
    room: ViewGroup,
    model: PlanModel,
    scope: CoroutineScope,
) : Screen(room, R.layout.screen_plan) {
    private val figures = Figures()
    private val reasons = texts(R.array.reasons)
    private val rows: LinearLayout = find(R.id.candidates)
    private val link: Spinner = find(R.id.link)
    private val objective: RadioGroup = find(R.id.objective)
    private val linkSpeed =
        Slider(find(R.id.link_speed), text(R.string.plan_link_speed), Circumstances.STEPS) { step ->
            model.set { it.copy(linkStep = step) }
        }
    private val serverLoad =
        Slider(find(R.id.server_load), text(R.string.plan_server_load), Circumstances.STEPS) { step ->
            model.set { it.copy(serverStep = step) }
        }
    private val battery =
        Slider(find(R.id.battery), text(R.string.plan_battery), 100) { percent ->
            model.set { it.copy(batteryPercent = percent) }
        }

    init {
        link.choices(texts(R.array.links)) { picked -> model.set { it.copy(link = Link.entries[picked]) } }
        link.setSelection(model.state.value.circumstances.link.ordinal, false)
        objective.choices(texts(R.array.objectives)) { picked ->
            model.set { it.copy(objective = Objective.entries[picked]) }
        }
        find<View>(R.id.measure).setOnClickListener { model.measure() }
        model.start()
        scope.launch { model.state.collect(::show) }
    }

    private fun show(state: PlanState) {
        val asked = state.circumstances
        link.setSelection(asked.link.ordinal)
        objective.choose(asked.objective.ordinal)
        linkSpeed.show(asked.linkStep, figures.rate(asked.bitsPerSecond))
        serverLoad.show(asked.serverStep, loadText(asked))
        battery.show(asked.batteryPercent, figures.percent(asked.batteryPercent / 100.0))
        find<View>(R.id.measure).isEnabled = !state.isMeasuring && state.hasEndpoint
        val chosen = state.chosen
        val decision = if (chosen == null) text(R.string.plan_measuring) else context.look(chosen).name
        find<TextView>(R.id.decision).let { if (it.text.toString() != decision) it.text = decision }
        showCandidates(state)
        showNote(state)
    }

    private fun showCandidates(state: PlanState) {
        val candidates = state.candidates
        while (rows.childCount > candidates.size) rows.removeViewAt(rows.childCount - 1)
        while (rows.childCount < candidates.size) LayoutInflater.from(context).inflate(R.layout.candidate, rows)
        val slowest = candidates.mapNotNull { it.predicted?.latency?.p90 }.maxOrNull() ?: Duration.ZERO
        candidates.forEachIndexed { index, candidate ->
            show(rows.getChildAt(index), candidate, candidate.placement == state.chosen, slowest)
        }
    }

    private fun show(
        row: View,
        candidate: Candidate,
        isChosen: Boolean,
        slowest: Duration,
    ) {
        val look = context.look(candidate.placement)
        val reason = reasons[candidate.reason.ordinal]
        val predicted = candidate.predicted
        val latency = predicted?.latency
        row.isSelected = isChosen
        row.part<TextView>(R.id.candidate_place).withDot(look.color, look.name)
        row.part<View>(R.id.candidate_check).visibility = if (isChosen) View.VISIBLE else View.GONE
        row.part<TextView>(R.id.candidate_time).text =
            latency?.let { figures.time(it.p50) } ?: text(R.string.plan_unknown)
        val share = { time: Duration? ->
            val whole = slowest.toDouble(DurationUnit.SECONDS)
            if (time == null || whole <= 0) 0f else (time.toDouble(DurationUnit.SECONDS) / whole).toFloat()
        }
        row.part<LatencyBar>(R.id.candidate_bar).show(share(latency?.p50), share(latency?.p90), look.color)
        row.part<TextView>(R.id.candidate_costs).text =
            predicted?.let {
                text(R.string.plan_costs, figures.energy(it.energyJoules), figures.bytes(it.bytesUp), reason)
            } ?: reason
        row.contentDescription =
            predicted?.let {
                text(
                    R.string.plan_candidate,
                    look.name,
                    if (isChosen) text(R.string.plan_chosen) else "",
                    figures.time(it.latency.p50),
                    figures.time(it.latency.p90),
                    row.part<TextView>(R.id.candidate_costs).text,
                )
            } ?: text(R.string.plan_candidate_unknown, look.name, reason)
    }

    private fun showNote(state: PlanState) {
        val trouble = state.trouble
        val note: TextView = find(R.id.plan_note)
        val words =
            when {
                state.isMeasuring -> text(R.string.plan_measuring)
                trouble != null -> text(R.string.plan_trouble, trouble.detail)
                !state.hasEndpoint && state.chosen != null -> text(R.string.plan_no_endpoint)
                else -> ""
            }
        note.text = words
        note.visibility = if (words.isEmpty()) View.GONE else View.VISIBLE
    }

    private fun loadText(asked: Circumstances): String {
        val load = asked.serverLoad
        return when {
            asked.serverStep == Circumstances.STEPS / 2 -> text(R.string.plan_load_as_learned)
            load < 1 -> text(R.string.plan_load_faster, figures.digits(1 / load))
            else -> text(R.string.plan_load_slower, figures.digits(load))
        }
    }
}
