package dev.tandem

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import java.io.IOException
import java.nio.ByteBuffer
import java.util.Collections
import java.util.WeakHashMap
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.time.Duration
import dev.tandem.ffi.Model as NativeModel
import dev.tandem.ffi.PlannerSettings as NativePlannerSettings
import dev.tandem.ffi.Runtime as NativeRuntime
import dev.tandem.ffi.RuntimeConfig as NativeRuntimeConfig

/**
 * Configuration of a [Runtime].
 *
 * @property endpoints where models can run outside of this device; those that come first are preferred. Without one the
 *   runtime cannot open a connection.
 * @property maxConcurrentCalls how many calls run at once; further ones wait. Each takes a thread while it runs.
 * @property deviceState tells what state the device is in, so that plans fit it; `null` leaves it unknown. Let go when
 *   the runtime is closed.
 * @property planner what the planner weighs, and whether it may probe endpoints.
 * @property estimates what [Runtime.estimates] of an earlier runtime returned: the planner goes on from there, aged by the
 *   time that has passed since. [Tandem.open] fails with [TandemException.InvalidArgument] where it is of another version
 *   or damaged; open without it then.
 * @property threads how many threads a run on this device shares its work over, from 1 to 64. More than 1 answers one call
 *   sooner, with the same result bit for bit; it does not let more calls run at once. Beyond the number of big cores it
 *   seldom helps. A load of 4 MiB or more has one thread beside its own, for the model's digest, whatever this says.
 * @property cache where compiled models are kept for a later load; `null` keeps none.
 */
public class RuntimeConfig(
    public val endpoints: List<Endpoint> = emptyList(),
    public val maxConcurrentCalls: Int = defaultConcurrency(),
    public val deviceState: DeviceStateProvider? = null,
    public val planner: PlannerSettings = PlannerSettings(),
    public val estimates: String? = null,
    public val threads: Int = 1,
    public val cache: CacheOptions? = null,
) {
    private companion object {
        /** Calls of endpoints mostly wait, so there is room for some beside those that compute. */
        fun defaultConcurrency(): Int =
            java.lang.Runtime
                .getRuntime()
                .availableProcessors()
                .coerceAtLeast(4)
    }
}

/**
 * Settings of the planner.
 *
 * @property probes whether the planner may ask the configured endpoints small questions over zeros, beside requests of the
 *   app and within a budget, so that it notices when a link has become good again.
 * @property overrides JSON that replaces further settings, named as in the Rust type `PlannerSettings`, times in seconds:
 *   `{"energy": {"compute_watts": 3.1}}`. [Tandem.open] fails with [TandemException.InvalidArgument] where a name or a
 *   value makes no sense.
 */
public class PlannerSettings(
    public val probes: Boolean = true,
    public val overrides: String? = null,
) {
    internal fun toNative(): NativePlannerSettings = NativePlannerSettings(probes, overrides)
}

/**
 * Owner of configuration, endpoints and worker threads. Create one with [Tandem.open] and share it.
 *
 * All functions may be called from any thread and any number of coroutines at once.
 */
public class Runtime internal constructor(
    private val handle: NativeRuntime,
    private val calls: Calls,
) : AutoCloseable {
    private val open = AtomicBoolean(true)
    private val models = Collections.newSetFromMap(WeakHashMap<Model, Boolean>())

    /**
     * Loads a model: reads, checks and prepares it on a thread of the runtime.
     *
     * Fails with [TandemException.ModelNotFound], [TandemException.InvalidModel],
     * [TandemException.UnsupportedOperator], [TandemException.IntegrityMismatch], [TandemException.ResourceLimit] or
     * [TandemException.DeadlineExceeded]. Ends soon after the coroutine is cancelled or the runtime is closed: between two
     * steps of the load.
     */
    public suspend fun load(
        source: ModelSource,
        options: LoadOptions = LoadOptions(),
    ): Model {
        checkOpen()
        // What makes no sense fails before the call waits for its turn.
        options.toNative(null)
        return calls.run(options.timeout, discard = Model::close) { call, left ->
            checkOpen()
            val settings = options.toNative(left)
            native {
                fun load(bytes: ByteBuffer) = handle.loadBytes(direct(bytes), settings, call.token)
                val loaded =
                    when (source) {
                        is ModelSource.File -> handle.loadFile(source.file.path, settings, call.token)
                        is ModelSource.Bytes -> load(ByteBuffer.wrap(source.bytes))
                        is ModelSource.Asset -> load(read(source))
                    }
                keep(loaded)
            }
        }
    }

    /**
     * Asks the endpoint of that name whether it is ready. The only call that contacts an endpoint without a run.
     *
     * @param timeout how long it may take; `null` is the endpoint's own.
     */
    public suspend fun isReady(
        endpoint: String,
        timeout: Duration? = null,
    ): Boolean {
        checkOpen()
        return calls.run(timeout) { call, left: Duration? ->
            native { handle.isReady(endpoint, left?.toNanoseconds(), call.token) }
        }
    }

    /** How planned runs were placed since the runtime was opened, and how good the predictions were. */
    public fun statistics(): Statistics {
        checkOpen()
        return native { handle.statistics().toPublic() }
    }

    /**
     * What the planner has learned, as JSON of some kilobytes, for [RuntimeConfig.estimates] of a later start. It names
     * endpoints, models' digests and networks as the app does; nothing of inputs or outputs.
     */
    public fun estimates(): String {
        checkOpen()
        return native { handle.estimates() }
    }

    /**
     * Closes the runtime and its models, and lets go of token providers and of the provider of the device's state. Calls under way end with
     * [TandemException.Closed] soon after; further ones begin and end with it. Closing again does nothing.
     */
    override fun close() {
        if (open.compareAndSet(true, false)) {
            native { handle.shutDown() }
            synchronized(models) { models.toList() }.forEach { it.close() }
            calls.close()
            handle.destroy()
        }
    }

    private fun keep(loaded: NativeModel): Model {
        val model = Model(handle, loaded, calls, loaded.info().toPublic())
        synchronized(models) { models.add(model) }
        // A runtime that was closed meanwhile has not seen this model.
        if (!open.get()) model.close()
        return model
    }

    private fun checkOpen() {
        if (!open.get()) throw closed("runtime")
    }

    private fun read(asset: ModelSource.Asset): ByteBuffer =
        try {
            asset.read()
        } catch (failure: IOException) {
            throw TandemException.ModelNotFound(Failure("no model at $asset: ${failure.message}", cause = failure))
        }

    /** What remains in the buffer, from the start of a direct one. */
    private fun direct(bytes: ByteBuffer): ByteBuffer =
        if (bytes.isDirect) {
            bytes.slice()
        } else {
            ByteBuffer.allocateDirect(bytes.remaining()).also {
                it.put(bytes.duplicate())
                it.rewind()
            }
        }
}

/** Where everything begins. */
public object Tandem {
    /**
     * Opens a runtime. The first one loads the native library, away from the caller's thread.
     *
     * ```kotlin
     * val runtime = Tandem.open(RuntimeConfig(listOf(Endpoint("cloud", "https://models.example.com"))))
     * val model = runtime.load(ModelSource.File("digits.onnx"))
     * val prediction = model.run(mapOf("image" to Tensor.of(pixels, 1, 1, 8, 8)))
     * ```
     *
     * Fails with [TandemException.InvalidArgument] where two endpoints share a name or a configuration makes no sense.
     */
    public suspend fun open(config: RuntimeConfig = RuntimeConfig()): Runtime {
        if (config.maxConcurrentCalls < 1) {
            throw invalidArgument("maxConcurrentCalls is ${config.maxConcurrentCalls}, expected 1 or more")
        }
        val native =
            NativeRuntimeConfig(
                config.endpoints.map { it.toNative() },
                config.deviceState?.let(::HostDeviceStateProvider),
                config.planner.toNative(),
                config.estimates,
                config.threads,
                config.cache?.toNative(),
            )
        var opened: Runtime? = null
        try {
            return withContext(Dispatchers.IO) {
                val handle = native { NativeRuntime(native) }
                Runtime(handle, Calls(config.maxConcurrentCalls)).also { opened = it }
            }
        } catch (failure: Throwable) {
            opened?.close()
            throw failure
        }
    }

    /**
     * Sends log records of [level] and above to the app. Once in a process: a second destination fails with
     * [TandemException.InvalidArgument].
     */
    public fun logTo(
        sink: LogSink,
        level: LogLevel = LogLevel.INFO,
    ): Unit = native { dev.tandem.ffi.logToHost(HostLogSink(sink), level.toNative()) }

    /**
     * Sends log records of [level] and above to the system's log, logcat on Android. Once in a process, and fails with
     * [TandemException.InvalidArgument] where there is no such log.
     */
    public fun logToSystem(level: LogLevel = LogLevel.INFO): Unit =
        native { dev.tandem.ffi.logToSystem(level.toNative()) }
}
