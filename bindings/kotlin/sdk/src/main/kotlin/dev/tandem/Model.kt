package dev.tandem

import dev.tandem.ffi.CancelToken
import dev.tandem.ffi.DenseInput
import dev.tandem.ffi.NamedTensor
import dev.tandem.ffi.TensorSpec
import java.nio.ByteBuffer
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.time.Duration
import dev.tandem.ffi.Model as NativeModel
import dev.tandem.ffi.Prediction as NativePrediction
import dev.tandem.ffi.RunOptions as NativeRunOptions
import dev.tandem.ffi.Runtime as NativeRuntime
import dev.tandem.ffi.Tensor as NativeTensor

/**
 * A loaded model. Any number of coroutines may call it at once; calls beyond [RuntimeConfig.maxConcurrentCalls] wait for
 * their turn.
 *
 * Calls suspend: the work happens on threads of the runtime, never on the caller's. Cancelling the coroutine stops the
 * work, and the call ends with the coroutine's `CancellationException` once it has stopped and its memory is free.
 *
 * All calls fail with [TandemException]: [TandemException.InvalidInput] where an input does not fit,
 * [TandemException.DeadlineExceeded] where the time of the options is over, [TandemException.Closed] after [close].
 *
 * @property info what the model is. Stays readable after [close].
 */
public class Model internal constructor(
    private val runtime: NativeRuntime,
    private val handle: NativeModel,
    private val calls: Calls,
    public val info: ModelInfo,
) : AutoCloseable {
    private val open = AtomicBoolean(true)

    /**
     * Runs the model on this device. Never touches the network; mode and sensitivity do not matter.
     *
     * @param inputs all inputs of the model, by name.
     */
    public suspend fun predict(
        inputs: Map<String, Tensor>,
        options: RunOptions = RunOptions.DEFAULT,
    ): Prediction = answer(Way.PREDICT, inputs, options)

    /**
     * Runs the model on an endpoint: the one that the options name, else the first. Never runs on this device and never
     * queues.
     *
     * Fails with [TandemException.PolicyDenied] where the sensitivity label does not let the data go there.
     *
     * @param inputs all inputs of the model, by name.
     */
    public suspend fun offload(
        inputs: Map<String, Tensor>,
        options: RunOptions = RunOptions.DEFAULT,
    ): Prediction = answer(Way.OFFLOAD, inputs, options)

    /**
     * Runs the model where the planner decides, and elsewhere where that fails and mode, label and offline behaviour allow
     * it. [Prediction.decision] says where and why.
     *
     * @param inputs all inputs of the model, by name.
     */
    public suspend fun run(
        inputs: Map<String, Tensor>,
        options: RunOptions = RunOptions.DEFAULT,
    ): Prediction = answer(Way.RUN, inputs, options)

    /**
     * Decides as [run] would, without running or contacting anything. Takes microseconds and does not suspend.
     *
     * ```kotlin
     * println(model.plan(deviceState = DeviceState(NetworkKind.CELLULAR_3G)).explain())
     * ```
     *
     * @param deviceState the state to decide for, to see what would be if; `null` is the one that the runtime's provider
     *   tells.
     * @param serverLoad how many times as long as was learned servers take, to see what would be if; more than 0.
     */
    public fun plan(
        options: RunOptions = RunOptions.DEFAULT,
        deviceState: DeviceState? = null,
        serverLoad: Double? = null,
    ): Plan {
        checkOpen()
        val settings = options.toNative(options.timeout)
        return native { handle.plan(settings, deviceState?.toNative(), serverLoad) }.toPublic()
    }

    /** Runs the model once on this device and measures every node. */
    public suspend fun profile(
        inputs: Map<String, Tensor>,
        options: RunOptions = RunOptions.DEFAULT,
    ): Profile =
        call(inputs, options) { call, tensors, settings ->
            call.lowered(tensors) { handle.profile(it, settings, call.token) }
        }.toPublic()

    /**
     * Prepares the model for inputs of these shapes, so that the first run does not pay for it. Values do not matter, except
     * for inputs that act as shapes.
     */
    public suspend fun warmUp(
        inputs: Map<String, Tensor>,
        options: RunOptions = RunOptions.DEFAULT,
    ) {
        call(inputs, options) { call, tensors, settings ->
            call.lowered(tensors) { handle.warmUp(it, settings, call.token) }
        }
    }

    /**
     * Closes the model and frees its memory once nothing runs. Calls under way end with [TandemException.Closed] soon after;
     * further ones begin and end with it. Closing again does nothing.
     */
    override fun close() {
        if (open.compareAndSet(true, false)) {
            // Calls under way keep the handle until they end.
            native { handle.shutDown() }
            handle.destroy()
        }
    }

    override fun toString(): String = "Model(${info.name})"

    private suspend fun answer(
        way: Way,
        inputs: Map<String, Tensor>,
        options: RunOptions,
    ): Prediction {
        val answer =
            call(inputs, options, NativePrediction::destroy) { call, tensors, settings ->
                val dense = tensors.mapNotNull { (_, tensor) -> tensor as? HostTensor }
                if (dense.size == tensors.size) {
                    val specs = tensors.map { (name, tensor) -> tensor.toInput(name) }
                    way.withBytes(handle, specs, call.stage(dense), settings, call.token)
                } else {
                    call.lowered(tensors) { way.withTensors(handle, it, settings, call.token) }
                }
            }
        return answer.toPublic()
    }

    private suspend fun <T : Any> call(
        inputs: Map<String, Tensor>,
        options: RunOptions,
        discard: (T) -> Unit = {},
        work: (Call, List<Pair<String, Tensor>>, NativeRunOptions) -> T,
    ): T {
        checkOpen()
        val tensors = inputs.toList()
        return calls.run(options.timeout, discard) { call, timeout: Duration? ->
            checkOpen()
            native { work(call, tensors, options.toNative(timeout)) }
        }
    }

    /** Lends [block] the tensors as handles. */
    private inline fun <T> Call.lowered(
        tensors: List<Pair<String, Tensor>>,
        block: (List<NamedTensor>) -> T,
    ): T {
        val lowered = ArrayList<NamedTensor>(tensors.size)
        try {
            tensors.mapTo(lowered) { (name, tensor) -> NamedTensor(name, lower(tensor)) }
            return block(lowered)
        } finally {
            lowered.forEach { it.destroy() }
        }
    }

    private fun Call.lower(tensor: Tensor): NativeTensor =
        when (tensor) {
            is HostTensor -> runtime.tensor(tensor.toSpec(), stage(listOf(tensor)))
            is StringTensor -> NativeTensor.fromStrings(tensor.shape.toNative(), tensor.toStrings())
            is OutputTensor -> tensor.share()
        }

    private fun checkOpen() {
        if (!open.get()) throw closed("model")
    }
}

/** The three ways to run a model, each with inputs in one buffer or as handles. */
private enum class Way(
    val withBytes: (NativeModel, List<DenseInput>, ByteBuffer, NativeRunOptions, CancelToken) -> NativePrediction,
    val withTensors: (NativeModel, List<NamedTensor>, NativeRunOptions, CancelToken) -> NativePrediction,
) {
    PREDICT(NativeModel::predictBytes, NativeModel::predict),
    OFFLOAD(NativeModel::offloadBytes, NativeModel::offload),
    RUN(NativeModel::runBytes, NativeModel::run),
}

private fun Tensor.toInput(name: String) = DenseInput(name, dtype.toNative(), shape.toNative())

private fun Tensor.toSpec() = TensorSpec(dtype.toNative(), shape.toNative())

private fun NativePrediction.toPublic(): Prediction {
    val memory = OutputMemory(memory)
    val tensors = LinkedHashMap<String, Tensor>()
    outputs.forEachIndexed { index, output -> tensors[output.name] = OutputTensor(memory, index, output) }
    return Prediction(memory, tensors, decision.toPublic(), timing.toPublic())
}
