package dev.tandem.demo.model

import dev.tandem.Candidate
import dev.tandem.DeviceState
import dev.tandem.DeviceStateProvider
import dev.tandem.NetworkKind
import dev.tandem.Objective
import dev.tandem.Placement
import dev.tandem.RunOptions
import dev.tandem.TandemException
import dev.tandem.Tensor
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.collectLatest
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import kotlin.math.pow
import kotlin.time.Duration

/** The network that a plan is made for. */
enum class Link(
    val kind: NetworkKind?,
) {
    /** The one that is in use, with what was learned of it. */
    PRESENT(null),
    WIFI(NetworkKind.WIFI),
    CELLULAR_5G(NetworkKind.CELLULAR_5G),
    CELLULAR_4G(NetworkKind.CELLULAR_4G),
    NONE(NetworkKind.NONE),
}

/** The circumstances that a plan is made for. The first two run from 0 to [STEPS], logarithmically. */
data class Circumstances(
    val link: Link = Link.PRESENT,
    val linkStep: Int = STEPS / 2,
    val serverStep: Int = STEPS / 2,
    val batteryPercent: Int = 80,
    val objective: Objective = Objective.BALANCED,
) {
    /** From 100 kbit/s to 1 Gbit/s. */
    val bitsPerSecond: Long get() = (1e5 * 1e4.pow(linkStep.toDouble() / STEPS)).toLong()

    /** How many times as long as was learned the endpoint takes: from a hundredth to a hundred times. */
    val serverLoad: Double get() = 0.01 * 1e4.pow(serverStep.toDouble() / STEPS)

    /** The device in these circumstances; what they do not name is as it is [now]. */
    fun deviceState(now: DeviceState): DeviceState {
        val level = batteryPercent / 100f
        val here = now.copy(uplinkBitsPerSecond = bitsPerSecond, batteryLevel = level, isCharging = false)
        val kind = link.kind ?: return here
        // A network of that kind of which nothing was learned.
        return here.copy(network = kind, networkId = "what if: ${kind.id}", isMetered = false)
    }

    companion object {
        const val STEPS = 40
    }
}

/** What the Plan screen shows. */
data class PlanState(
    val circumstances: Circumstances = Circumstances(),
    val isMeasuring: Boolean = false,
    /** The best cut of each endpoint only: the planner considers more. */
    val candidates: List<Candidate> = emptyList(),
    val chosen: Placement? = null,
    val hasEndpoint: Boolean = false,
    val trouble: Trouble? = null,
)

/** Shows where the planner would run a network that costs something, and why. Its functions are called on one thread. */
class PlanModel(
    private val engine: Engine,
    private val deviceState: DeviceStateProvider,
    private val scope: CoroutineScope,
    saved: Map<String, String> = emptyMap(),
) {
    private val mutable = MutableStateFlow(PlanState(restored(saved)))
    private val learned = MutableStateFlow(0)
    private var planning: Job? = null
    private var measuring: Job? = null

    val state: StateFlow<PlanState> = mutable.asStateFlow()

    /** Begins to plan: measures this device once, and from then on follows the circumstances. */
    fun start() {
        if (planning != null) return
        planning =
            scope.launch {
                val circumstances = mutable.map { it.circumstances }.distinctUntilChanged()
                combine(circumstances, learned, engine.settings) { asked, _, _ -> asked }.collectLatest(::plan)
            }
        measure(onEndpoint = false)
    }

    /** Runs the network here and on the endpoint, so that the planner knows both. */
    fun measure() = measure(onEndpoint = true)

    fun set(change: (Circumstances) -> Circumstances) =
        mutable.update { it.copy(circumstances = change(it.circumstances)) }

    fun saveState(): Map<String, String> {
        val now = state.value.circumstances
        return mapOf(
            "link" to now.link.name,
            "link_step" to now.linkStep.toString(),
            "server_step" to now.serverStep.toString(),
            "battery" to now.batteryPercent.toString(),
            "objective" to now.objective.name,
        )
    }

    private fun measure(onEndpoint: Boolean) {
        if (measuring?.isActive == true) return
        mutable.update { it.copy(isMeasuring = true) }
        measuring =
            scope.launch {
                val trouble = attempt<List<Trouble>>(::listOf) { measured(onEndpoint) }.firstOrNull()
                mutable.update { it.copy(isMeasuring = false, trouble = trouble) }
                learned.value += 1
            }
    }

    /** Gives what went wrong on the way to the endpoint. */
    private suspend fun measured(onEndpoint: Boolean): List<Trouble> {
        val model = engine.model(Network.PLANNING)
        val picture = mapOf("picture" to Tensor.of(FloatArray(PIXELS) { it % 7 / 7f }, *SHAPE))
        // The first run pays for what later ones have, and teaches nothing.
        repeat(2) { model.predict(picture).close() }
        if (!onEndpoint || engine.settings().url.isEmpty()) return emptyList()
        return try {
            repeat(2) { model.offload(picture).close() }
            emptyList()
        } catch (failure: TandemException) {
            listOf(Trouble(failure.code, failure.message.orEmpty()))
        }
    }

    private suspend fun plan(asked: Circumstances) {
        val planned =
            attempt<(PlanState) -> PlanState>({ trouble -> { it.copy(trouble = trouble) } }) {
                val model = engine.model(Network.PLANNING)
                val options = RunOptions(objective = asked.objective)
                val plan =
                    withContext(Dispatchers.Default) {
                        model.plan(options, asked.deviceState(deviceState.deviceState()), asked.serverLoad)
                    }
                val shown = worthShowing(plan.candidates, plan.order.first())
                val hasEndpoint = engine.settings().url.isNotEmpty();
                { it.copy(candidates = shown, chosen = plan.order.first(), hasEndpoint = hasEndpoint) }
            }
        mutable.update(planned)
    }

    companion object {
        private const val SIDE = 224L
        private val SHAPE = longArrayOf(1, 3, SIDE, SIDE)
        private const val PIXELS = (3 * SIDE * SIDE).toInt()

        /** This device, the whole network on the endpoint, and of the cuts the chosen one or else the fastest. */
        internal fun worthShowing(
            candidates: List<Candidate>,
            chosen: Placement,
        ): List<Candidate> {
            val (cuts, whole) = candidates.partition { it.placement is Placement.Split }
            val best =
                cuts.find { it.placement == chosen }
                    // One that computes something here: a cut at the inputs is no other than the whole network there.
                    ?: cuts.filter { it.hasHead() }.minByOrNull { checkNotNull(it.predicted).latency.p50 }
                    ?: cuts.firstOrNull()
            return whole + listOfNotNull(best)
        }

        private fun Candidate.hasHead() = (predicted?.parts?.head ?: Duration.ZERO) > Duration.ZERO

        private fun restored(saved: Map<String, String>): Circumstances {
            val other = Circumstances()
            val step = { key: String, or: Int, most: Int -> saved[key]?.toIntOrNull()?.coerceIn(0, most) ?: or }
            return Circumstances(
                enumOr(saved["link"], other.link),
                step("link_step", other.linkStep, Circumstances.STEPS),
                step("server_step", other.serverStep, Circumstances.STEPS),
                step("battery", other.batteryPercent, 100),
                enumOr(saved["objective"], other.objective),
            )
        }
    }
}
