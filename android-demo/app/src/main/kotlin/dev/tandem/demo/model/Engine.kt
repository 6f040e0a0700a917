package dev.tandem.demo.model

import dev.tandem.CacheOptions
import dev.tandem.DeviceStateProvider
import dev.tandem.LoadOptions
import dev.tandem.Model
import dev.tandem.Runtime
import dev.tandem.RuntimeConfig
import dev.tandem.SplitManifest
import dev.tandem.Tandem
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext
import java.io.File

/** The networks that come with the app. */
enum class Network(
    val path: String,
    val manifest: String,
) {
    /** Reads a handwritten digit: small enough that no endpoint is ever faster. */
    DIGITS("digits/digits.onnx", "digits/digits.tandem.json"),

    /** Costs what a picture network costs, and knows nothing: its weights are random. */
    PLANNING("planning/planning.onnx", "planning/planning.tandem.json"),
}

/**
 * One Tandem runtime for the whole app, and its models: opened when first needed, and anew when the settings change.
 *
 * Nothing here blocks the caller's thread.
 *
 * @param cacheFolder tells where compiled networks are kept for the next start; may block. `null` keeps none.
 */
class Engine(
    private val assets: Assets,
    private val store: SettingsStore,
    private val deviceState: DeviceStateProvider? = null,
    private val cacheFolder: (() -> File)? = null,
) {
    private class Opened(
        val runtime: Runtime,
    ) {
        val models = HashMap<Network, Model>()
    }

    private val lock = Mutex()
    private var opened: Opened? = null
    private val current = MutableStateFlow<CloudSettings?>(null)

    /** The settings in force; `null` until they were read. */
    val settings: StateFlow<CloudSettings?> = current.asStateFlow()

    /** The model, loaded when it is first asked for. */
    suspend fun model(network: Network): Model =
        lock.withLock {
            val opened = opened ?: open(readSettings()).also { opened = it }
            opened.models.getOrPut(network) { load(opened.runtime, network) }
        }

    /** Reads the settings where that was not done yet. */
    suspend fun settings(): CloudSettings = lock.withLock { readSettings() }

    /** Keeps the settings and uses them from now on. Calls under way end with `TandemException.Closed`. */
    suspend fun use(settings: CloudSettings) {
        lock.withLock {
            withContext(Dispatchers.IO) {
                store.write(settings)
                opened?.runtime?.close()
            }
            opened = null
            current.value = settings
        }
    }

    /** Lends [work] a runtime of its own with these settings, to try them. */
    suspend fun <T> trying(
        settings: CloudSettings,
        work: suspend (Model) -> T,
    ): T {
        val opened = open(settings)
        try {
            return work(load(opened.runtime, Network.DIGITS))
        } finally {
            withContext(kotlinx.coroutines.NonCancellable + Dispatchers.IO) { opened.runtime.close() }
        }
    }

    private suspend fun readSettings(): CloudSettings =
        current.value ?: withContext(Dispatchers.IO) { store.read() }.also { current.value = it }

    private suspend fun open(settings: CloudSettings): Opened {
        val cache = cacheFolder?.let { folder -> CacheOptions(withContext(Dispatchers.IO) { folder() }) }
        val endpoints = listOfNotNull(settings.toEndpoint())
        return Opened(Tandem.open(RuntimeConfig(endpoints, deviceState = deviceState, cache = cache)))
    }

    private suspend fun load(
        runtime: Runtime,
        network: Network,
    ): Model {
        val cuts = SplitManifest(withContext(Dispatchers.IO) { assets.text(network.manifest) })
        val name = network.name.lowercase()
        return runtime.load(AssetModel(assets, network.path), LoadOptions(name = name, splits = cuts))
    }
}
