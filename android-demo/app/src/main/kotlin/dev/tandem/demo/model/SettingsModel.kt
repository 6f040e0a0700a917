package dev.tandem.demo.model

import dev.tandem.RunOptions
import dev.tandem.TandemException
import dev.tandem.Tensor
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

/** What became of the last test of the connection. */
sealed class Connection {
    object Untested : Connection()

    object Testing : Connection()

    /** It answers and serves the app's network. */
    data class Ready(
        val time: Duration,
    ) : Connection()

    /** It answers, and does not serve the app's network. */
    data class Unprepared(
        val detail: String,
    ) : Connection()

    data class Failed(
        val trouble: Trouble,
    ) : Connection()
}

/** What the Settings screen shows. */
data class SettingsState(
    val form: CloudSettings = CloudSettings(),
    /** `false` until the kept settings were read. */
    val isLoaded: Boolean = false,
    val isSaved: Boolean = true,
    val problem: CloudSettings.Problem? = null,
    val connection: Connection = Connection.Untested,
)

/** Where the endpoint is entered and tried. Its functions are called on one thread. */
class SettingsModel(
    private val engine: Engine,
    private val isCleartextPermitted: (host: String) -> Boolean,
    private val scope: CoroutineScope,
    saved: Map<String, String> = emptyMap(),
) {
    private val mutable = MutableStateFlow(restored(saved))
    private var testing: Job? = null

    val state: StateFlow<SettingsState> = mutable.asStateFlow()

    init {
        scope.launch {
            val kept = engine.settings()
            // What was being entered when the process ended goes before what is kept.
            mutable.update { if (it.isLoaded) it else SettingsState(kept, isLoaded = true) }
        }
    }

    fun edit(change: (CloudSettings) -> CloudSettings) {
        val before = mutable.value
        val form = change(before.form)
        if (form != before.form) {
            testing?.cancel()
            mutable.value = SettingsState(form, isLoaded = true, isSaved = false)
        }
    }

    /** Keeps what was entered, if nothing is wrong with it. */
    fun save() {
        val form = checked() ?: return
        scope.launch {
            engine.use(form)
            mutable.update { it.copy(isSaved = it.form == form) }
        }
    }

    /** Asks the endpoint as it was entered whether it is there, and for the digit on an empty picture. */
    fun test() {
        val form = checked() ?: return
        if (form.url.isEmpty()) return
        testing?.cancel()
        mutable.update { it.copy(connection = Connection.Testing) }
        testing =
            scope.launch {
                val connection = attempt<Connection>({ Connection.Failed(it) }) { tried(form) }
                mutable.update { it.copy(connection = connection) }
            }
    }

    /** What was entered and not kept. */
    fun saveState(): Map<String, String> {
        val state = state.value
        if (state.isSaved) return emptyMap()
        val form = state.form
        return mapOf(
            "url" to form.url,
            "token" to form.token,
            "anchors" to form.trustAnchors,
            "trusted" to form.isTrusted.toString(),
        )
    }

    private fun checked(): CloudSettings? {
        val form = mutable.value.form
        val problem = form.problem(isCleartextPermitted)
        mutable.update { it.copy(problem = problem) }
        return form.takeIf { problem == null }
    }

    private suspend fun tried(form: CloudSettings): Connection =
        engine.trying(form) { model ->
            val blank = mapOf("image" to Tensor.of(FloatArray(Ink.SIDE * Ink.SIDE), 1, 1, 8, 8))
            val options = RunOptions(timeout = PATIENCE)
            try {
                // The second one finds the connection open.
                model.offload(blank, options).close()
                model.offload(blank, options).use { Connection.Ready(it.timing.total) }
            } catch (failure: TandemException.ModelNotFound) {
                Connection.Unprepared(failure.message.orEmpty())
            }
        }

    private companion object {
        val PATIENCE = 10.seconds

        fun restored(saved: Map<String, String>): SettingsState {
            val url = saved["url"] ?: return SettingsState()
            val form =
                CloudSettings(url, saved["token"].orEmpty(), saved["anchors"].orEmpty(), saved["trusted"] == "true")
            return SettingsState(form, isLoaded = true, isSaved = false)
        }
    }
}
