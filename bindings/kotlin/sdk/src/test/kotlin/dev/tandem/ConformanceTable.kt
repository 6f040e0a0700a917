package dev.tandem

import com.google.gson.FieldNamingPolicy
import com.google.gson.GsonBuilder
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Base64
import kotlin.time.Duration.Companion.milliseconds

/** The table of `bindings/conformance`, whose README says what it means. What is absent is `null`. */
internal class ConformanceTable(
    val version: Int,
    val cases: List<Case>,
) {
    class Case(
        val name: String,
        val model: String,
        val load: Load?,
        val device: Device?,
        val before: String?,
        val call: String,
        val options: Options?,
        val inputs: List<Values>?,
        val expect: Expect,
    ) {
        /** Whether an endpoint of the case has to answer. */
        val needsServer: Boolean
            get() =
                when (call) {
                    "offload" -> expect.outputs != null || expect.error in listOf("model_not_found", "remote_failed")
                    "run" -> expect.placement?.kind in listOf("in_cloud", "split")
                    else -> false
                }
    }

    class Load(
        val name: String?,
        val sha256: String?,
        val modelBytes: Long?,
        val splits: Manifest?,
    )

    class Manifest(
        val manifest: String,
        val publicKey: String?,
    ) {
        fun toSplits() = SplitManifest(conformance.resolve(manifest), publicKey)
    }

    class Device(
        val network: String,
        val networkId: String?,
        val metered: Boolean?,
        val uplinkBps: Long?,
        val downlinkBps: Long?,
        val batteryLevel: Float?,
        val charging: Boolean?,
        val lowPowerMode: Boolean?,
        val thermal: String,
        val memory: String,
    ) {
        fun toState() =
            DeviceState(
                NetworkKind.entries.first { it.id == network },
                networkId,
                metered,
                uplinkBps,
                downlinkBps,
                batteryLevel,
                charging,
                lowPowerMode,
                ThermalState.valueOf(thermal.uppercase()),
                MemoryPressure.valueOf(memory.uppercase()),
            )
    }

    class Options(
        val mode: String?,
        val sensitivity: String?,
        val privateTensors: List<String>?,
        val offline: String?,
        val timeoutMs: Long?,
        val outputs: List<String>?,
        val endpoint: String?,
    ) {
        fun toRunOptions() =
            RunOptions(
                mode = mode?.let { InferenceMode.valueOf(it.uppercase()) } ?: InferenceMode.AUTO,
                sensitivity = sensitivity?.let { Sensitivity.valueOf(it.uppercase()) } ?: Sensitivity.PUBLIC,
                timeout = timeoutMs?.milliseconds,
                outputs = outputs.orEmpty(),
                offline = offline?.let { OfflineBehavior.valueOf(it.uppercase()) } ?: OfflineBehavior.RUN_LOCALLY,
                endpoint = endpoint,
                privateTensors = privateTensors.orEmpty().toSet(),
            )
    }

    class Values(
        val name: String,
        val dtype: String,
        val shape: LongArray,
        val base64: String?,
        val strings: List<String>?,
    ) {
        fun toTensor(): Tensor {
            strings?.let { return Tensor.of(it, *shape) }
            check(ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN) { "the table's elements are little-endian" }
            val bytes = ByteBuffer.wrap(Base64.getDecoder().decode(base64))
            return Tensor.ofBytes(DType.entries.first { it.id == dtype }, bytes, *shape)
        }
    }

    class Expect(
        val outputs: List<Values>?,
        val tolerance: Double?,
        val placement: Place?,
        val reason: String?,
        val candidates: List<Considered>?,
        val error: String?,
        val says: List<String>?,
    )

    class Considered(
        val placement: Place,
        val allowed: Boolean,
        val reason: String,
    )

    class Place(
        val kind: String,
        val endpoint: String?,
        val cut: String?,
    ) {
        fun toPlacement(): Placement =
            when (kind) {
                "on_device" -> Placement.OnDevice
                "in_cloud" -> Placement.InCloud(requireNotNull(endpoint))
                "split" -> Placement.Split(requireNotNull(cut), requireNotNull(endpoint))
                else -> error("no placement $kind")
            }
    }

    companion object {
        fun read(): ConformanceTable {
            val gson = GsonBuilder().setFieldNamingPolicy(FieldNamingPolicy.LOWER_CASE_WITH_UNDERSCORES).create()
            return conformance.resolve("cases.json").reader().use { gson.fromJson(it, ConformanceTable::class.java) }
        }
    }
}
