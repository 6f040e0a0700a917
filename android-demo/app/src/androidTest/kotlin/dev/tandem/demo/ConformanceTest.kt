package dev.tandem.demo

import android.content.Context
import android.util.Base64
import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import com.google.gson.JsonObject
import com.google.gson.JsonParser
import dev.tandem.DType
import dev.tandem.Endpoint
import dev.tandem.InferenceMode
import dev.tandem.Limits
import dev.tandem.LoadOptions
import dev.tandem.ModelSource
import dev.tandem.OfflineBehavior
import dev.tandem.Placement
import dev.tandem.Prediction
import dev.tandem.RunOptions
import dev.tandem.RuntimeConfig
import dev.tandem.Sensitivity
import dev.tandem.Tandem
import dev.tandem.TandemException
import dev.tandem.Tensor
import dev.tandem.WireFormat
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Assert.fail
import org.junit.Test
import org.junit.runner.RunWith
import java.nio.ByteBuffer
import kotlin.math.abs
import kotlin.time.Duration.Companion.milliseconds

/**
 * The table of `bindings/conformance` on a device: those cases that need no server, or all of them where the argument
 * `server` names one.
 *
 * Not yet run: this repository's machines have neither device nor emulator.
 *
 *     adb reverse tcp:8000 tcp:8000
 *     ./gradlew connectedCheck -Pandroid.testInstrumentationRunnerArguments.server=http://127.0.0.1:8000
 */
@RunWith(AndroidJUnit4::class)
class ConformanceTest {
    private val table: Context = InstrumentationRegistry.getInstrumentation().context
    private val server: String? = InstrumentationRegistry.getArguments().getString("server")

    @Test
    fun table() {
        val root = JsonParser.parseString(bytes("cases.json").decodeToString()).asJsonObject
        assertEquals(1, root["version"].asInt)
        var ran = 0
        for (case in root["cases"].asJsonArray.map { it.asJsonObject }) {
            if (case.has("before") || case.has("device") || (case.needsServer() && server == null)) continue
            try {
                run(case)
            } catch (failure: Throwable) {
                throw AssertionError("${case["name"].asString}: ${failure.message}", failure)
            }
            ran++
        }
        assertTrue("only $ran cases ran", ran > LEAST)
    }

    private fun bytes(path: String): ByteArray = table.assets.open(path).use { it.readBytes() }

    private fun JsonObject.text(name: String): String? = get(name)?.asString

    private fun JsonObject.needsServer(): Boolean {
        val expect = getAsJsonObject("expect")
        return when (text("call")) {
            "offload" -> expect.has("outputs") || expect.text("error") in listOf("model_not_found", "remote_failed")
            "run" -> expect.getAsJsonObject("placement")?.text("kind") in listOf("in_cloud", "split")
            else -> false
        }
    }

    private fun run(case: JsonObject) =
        runBlocking {
            val url = server ?: NOWHERE
            val endpoints =
                listOf(
                    Endpoint("server", url),
                    Endpoint("json", url, wire = WireFormat.JSON),
                    Endpoint("down", NOWHERE),
                )
            val expect = case.getAsJsonObject("expect")
            Tandem.open(RuntimeConfig(endpoints)).use { runtime ->
                try {
                    val answer = call(runtime, case)
                    if (expect.has("error")) fail("it gave $answer")
                    if (answer is Prediction) answer.use { compare(expect, it) }
                } catch (failure: TandemException) {
                    assertEquals(failure.message, expect.text("error"), failure.code.id)
                }
            }
        }

    /** The case's prediction or plan; `null` where it only loads. */
    private suspend fun call(
        runtime: dev.tandem.Runtime,
        case: JsonObject,
    ): Any? {
        val load = case.getAsJsonObject("load") ?: JsonObject()
        val path = case["model"].asString
        val name = load.text("name") ?: path.removeSuffix("/1/model.onnx").substringAfterLast('/')
        val limits = Limits(modelBytes = load["model_bytes"]?.asLong)
        val options = LoadOptions(name, load.text("sha256"), limits)
        val model = runtime.load(ModelSource.Bytes(bytes(path)), options)
        val inputs = case.getAsJsonArray("inputs").orEmpty().map { it.asJsonObject }
        val tensors = inputs.associate { it["name"].asString to tensor(it) }
        val settings = options(case.getAsJsonObject("options") ?: JsonObject())
        return when (val call = case.text("call")) {
            "load" -> null
            "predict" -> model.predict(tensors, settings)
            "offload" -> model.offload(tensors, settings)
            "run" -> model.run(tensors, settings)
            "plan" -> model.plan(settings)
            else -> error("no call $call")
        }
    }

    private fun options(options: JsonObject) =
        RunOptions(
            mode = options.text("mode")?.let { InferenceMode.valueOf(it.uppercase()) } ?: InferenceMode.AUTO,
            sensitivity =
                options
                    .text(
                        "sensitivity",
                    )?.let { Sensitivity.valueOf(it.uppercase()) } ?: Sensitivity.PUBLIC,
            timeout = options["timeout_ms"]?.asLong?.milliseconds,
            outputs = options.getAsJsonArray("outputs").orEmpty().map { it.asString },
            offline =
                options.text("offline")?.let { OfflineBehavior.valueOf(it.uppercase()) } ?: OfflineBehavior.RUN_LOCALLY,
            endpoint = options.text("endpoint"),
            privateTensors =
                options
                    .getAsJsonArray("private_tensors")
                    .orEmpty()
                    .map { it.asString }
                    .toSet(),
        )

    private fun tensor(values: JsonObject): Tensor {
        val shape = values.getAsJsonArray("shape").map { it.asLong }.toLongArray()
        values.getAsJsonArray("strings")?.let { return Tensor.of(it.map { text -> text.asString }, *shape) }
        val bytes = ByteBuffer.wrap(Base64.decode(values["base64"].asString, Base64.DEFAULT))
        return Tensor.ofBytes(DType.entries.first { it.id == values["dtype"].asString }, bytes, *shape)
    }

    private fun compare(
        expect: JsonObject,
        prediction: Prediction,
    ) {
        val outputs = expect.getAsJsonArray("outputs").orEmpty().map { it.asJsonObject }
        assertEquals(outputs.map { it["name"].asString }, prediction.outputs.keys.toList())
        for (values in outputs) {
            val (want, got) = tensor(values) to prediction[values["name"].asString]
            assertEquals(want.dtype, got.dtype)
            assertEquals(want.shape, got.shape)
            compare(want, got, expect["tolerance"]?.asDouble ?: 0.0)
        }
        expect.getAsJsonObject("placement")?.let { place ->
            val onDevice = prediction.decision.placement is Placement.OnDevice
            assertEquals(place.text("kind") == "on_device", onDevice)
        }
    }

    private fun compare(
        want: Tensor,
        got: Tensor,
        tolerance: Double,
    ) {
        if (tolerance > 0) {
            want.toFloatArray().zip(got.toFloatArray()) { expected, actual ->
                assertTrue("$actual, expected $expected", abs(expected - actual) <= tolerance)
            }
        } else {
            assertEquals(elements(want), elements(got))
        }
    }

    /** The elements, floats by their bits. */
    private fun elements(tensor: Tensor): List<Any> =
        when (tensor.dtype) {
            DType.BOOL -> tensor.toBooleanArray().toList()
            DType.U8, DType.I8 -> tensor.toByteArray().toList()
            DType.U16, DType.I16, DType.F16 -> tensor.toShortArray().toList()
            DType.U32, DType.I32 -> tensor.toIntArray().toList()
            DType.U64, DType.I64 -> tensor.toLongArray().toList()
            DType.F32 -> tensor.toFloatArray().map { it.toRawBits() }
            DType.F64 -> tensor.toDoubleArray().map { it.toRawBits() }
            DType.STRING -> tensor.toStrings()
        }

    private fun <T> Iterable<T>?.orEmpty(): Iterable<T> = this ?: emptyList()

    private companion object {
        /** Where nothing listens. */
        const val NOWHERE = "http://127.0.0.1:1"

        /** Fewer than so many cases would be no test. */
        const val LEAST = 20
    }
}
