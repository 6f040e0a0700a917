package dev.tandem.bionic

import dev.tandem.ffi.DType
import dev.tandem.ffi.Decision
import dev.tandem.ffi.EndpointConfig
import dev.tandem.ffi.FfiConverterSequenceString
import dev.tandem.ffi.FfiConverterSequenceTypeEndpointConfig
import dev.tandem.ffi.FfiConverterSequenceTypeOutput
import dev.tandem.ffi.FfiConverterSequenceULong
import dev.tandem.ffi.FfiConverterString
import dev.tandem.ffi.FfiConverterTypeDecision
import dev.tandem.ffi.FfiConverterTypeLoadOptions
import dev.tandem.ffi.FfiConverterTypePlan
import dev.tandem.ffi.FfiConverterTypeRunOptions
import dev.tandem.ffi.FfiConverterTypeRuntimeConfig
import dev.tandem.ffi.FfiConverterTypeTensorSpec
import dev.tandem.ffi.FfiConverterTypeTiming
import dev.tandem.ffi.InferenceMode
import dev.tandem.ffi.Limits
import dev.tandem.ffi.LoadOptions
import dev.tandem.ffi.Objective
import dev.tandem.ffi.OfflineBehavior
import dev.tandem.ffi.Plan
import dev.tandem.ffi.PlannerSettings
import dev.tandem.ffi.Risk
import dev.tandem.ffi.RunOptions
import dev.tandem.ffi.RuntimeConfig
import dev.tandem.ffi.Sensitivity
import dev.tandem.ffi.TensorSpec
import dev.tandem.ffi.TlsConfig
import dev.tandem.ffi.WireFormat
import java.io.ByteArrayOutputStream
import java.io.DataOutputStream
import java.nio.ByteBuffer

/** A tensor outside of the library: bytes in little-endian order, or strings. */
internal data class Values(
    val name: String,
    val dtype: DType,
    val shape: List<ULong>,
    val bytes: List<Byte>?,
    val strings: List<String>?,
)

internal class Answer(
    val outputs: List<Values>,
    val decision: Decision,
)

/** Runtimes and models of the library, as handles. */
internal class Models(
    private val bionic: Bionic,
    private val facade: Facade,
) {
    fun runtime(
        endpoints: List<EndpointConfig> = emptyList(),
        knowsDevice: Boolean = false,
    ): Long {
        val planner = PlannerSettings(probes = false, overrides = null)
        val config = RuntimeConfig(endpoints, deviceState = null, planner, estimates = null, threads = 1, cache = null)
        var bytes = facade.bytes(FfiConverterTypeRuntimeConfig, config)
        if (knowsDevice) {
            // Put in here, because the generated code would hand out a handle of its own for the provider.
            val place = facade.bytes(FfiConverterSequenceTypeEndpointConfig, endpoints).size
            val provider = ByteBuffer.allocate(1 + Long.SIZE_BYTES)
            provider.put(1).putLong(Host.HANDLE)
            bytes = bytes.copyOf(place) + provider.array() + bytes.drop(place + 1)
        }
        return facade.call("constructor_runtime_new", facade.lower(bytes))
    }

    fun load(
        runtime: Long,
        path: String,
        options: LoadOptions = LOAD,
    ): Long =
        facade.call(
            "method_runtime_load_file",
            facade.clone("runtime", runtime),
            facade.lower(path.encodeToByteArray()),
            facade.lower(FfiConverterTypeLoadOptions, options),
            token(),
        )

    fun load(
        runtime: Long,
        file: ByteArray,
    ): Long =
        facade.call(
            "method_runtime_load_bytes",
            facade.clone("runtime", runtime),
            *facade.lend(file),
            facade.lower(FfiConverterTypeLoadOptions, LOAD),
            token(),
        )

    fun token(): Long = facade.call("constructor_canceltoken_new")

    /** Runs a model by the method of that name: `predict`, `offload` or `run`. */
    fun answer(
        way: String,
        model: Long,
        inputs: List<Values>,
        options: RunOptions = RUN,
        token: Long = token(),
    ): Answer = read(facade.callForBytes("method_model_$way", *arguments(model, inputs, options, token)))

    /** A prediction for a thread to make; [finish] tells what came of it. */
    fun prepare(
        model: Long,
        inputs: List<Values>,
    ): Facade.Prepared = facade.prepare("method_model_predict", *arguments(model, inputs, RUN, token()))

    fun finish(prepared: Facade.Prepared): Answer = read(facade.finish(prepared))

    private fun arguments(
        model: Long,
        inputs: List<Values>,
        options: RunOptions,
        token: Long,
    ): Array<Any> =
        arrayOf(
            facade.clone("model", model),
            facade.lower(named(inputs)),
            facade.lower(FfiConverterTypeRunOptions, options),
            facade.clone("canceltoken", token),
        )

    /** What a prediction's record says; its outputs are freed. */
    private fun read(bytes: ByteArray): Answer {
        val prediction = ByteBuffer.wrap(bytes)
        val outputs = FfiConverterSequenceTypeOutput.read(prediction)
        val memory = prediction.getLong()
        val decision = FfiConverterTypeDecision.read(prediction)
        FfiConverterTypeTiming.read(prediction)
        check(!prediction.hasRemaining()) { "${prediction.remaining()} bytes are left of a prediction" }
        val values =
            outputs.mapIndexed { index, output ->
                val isText = output.dtype == DType.STRING
                val length = output.byteLen.toInt()
                Values(
                    output.name,
                    output.dtype,
                    output.shape,
                    if (isText) {
                        null
                    } else {
                        bionic.pointer(output.address.toLong()).getByteArray(0, length).toList()
                    },
                    if (isText) strings(memory, index) else null,
                )
            }
        facade.free("outputs", memory)
        return Answer(values, decision)
    }

    fun plan(
        model: Long,
        options: RunOptions,
    ): Plan =
        facade.callFor(
            FfiConverterTypePlan,
            "method_model_plan",
            facade.clone("model", model),
            facade.lower(FfiConverterTypeRunOptions, options),
            // No other device than this one, and servers as they were learned.
            facade.lower(byteArrayOf(0)),
            facade.lower(byteArrayOf(0)),
        )

    private fun strings(
        memory: Long,
        index: Int,
    ) = facade.callFor(FfiConverterSequenceString, "method_outputs_strings", facade.clone("outputs", memory), index)

    /** Names and handles of new tensors, which the call consumes. */
    private fun named(inputs: List<Values>): ByteArray {
        val list = ByteArrayOutputStream()
        val data = DataOutputStream(list)
        data.writeInt(inputs.size)
        for (input in inputs) {
            val name = ByteBuffer.allocate(FfiConverterString.allocationSize(input.name).toInt())
            FfiConverterString.write(input.name, name)
            data.write(name.array(), 0, name.position())
            data.writeLong(tensor(input))
        }
        return list.toByteArray()
    }

    private fun tensor(input: Values): Long =
        if (input.strings != null) {
            facade.call(
                "constructor_tensor_from_strings",
                facade.lower(FfiConverterSequenceULong, input.shape),
                facade.lower(FfiConverterSequenceString, input.strings),
            )
        } else {
            facade.call(
                "constructor_tensor_from_bytes",
                facade.lower(FfiConverterTypeTensorSpec, TensorSpec(input.dtype, input.shape)),
                *facade.lend(checkNotNull(input.bytes).toByteArray()),
            )
        }

    companion object {
        val LOAD = LoadOptions(Limits(null, null, null, null), null, null, null, null, null)

        val RUN =
            RunOptions(
                InferenceMode.AUTO,
                Sensitivity.PUBLIC,
                emptyList(),
                Objective.BALANCED,
                Risk.MODERATE,
                false,
                null,
                emptyList(),
                OfflineBehavior.RUN_LOCALLY,
                null,
                null,
            )

        fun endpoint(
            name: String,
            url: String,
            wire: WireFormat = WireFormat.AUTO,
        ) = EndpointConfig(
            name,
            url,
            false,
            wire,
            null,
            TlsConfig(null, null, null),
            emptyMap(),
            null,
            null,
            null,
            null,
        )
    }
}
