package dev.tandem.bionic

import dev.tandem.ffi.DType
import dev.tandem.ffi.FailureCode
import dev.tandem.ffi.FfiConverterTypeLogLevel
import dev.tandem.ffi.InferenceMode
import dev.tandem.ffi.LogLevel
import dev.tandem.ffi.TandemFailure
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** What the library to ship needs of the system below it: its symbols, files, sockets, and calls back into the host. */
class SelfTest {
    private val library = Library()
    private val bionic = library.bionic
    private val facade = library.facade
    private val models = library.models

    @AfterEach
    fun close() {
        library.host.release()
        library.close()
    }

    @Test
    fun `every symbol is there on Android 6`() {
        assertEquals(emptyList<String>(), bionic.unresolved())
        assertTrue(bionic.call("ffi_tandem_ffi_uniffi_contract_version") > 25)
    }

    @Test
    fun `a prediction of a model from memory`() {
        val runtime = models.runtime()
        val file = Library.conformance.resolve(Library.model("identity_f32")).readBytes()
        val model = models.load(runtime, file)
        val input = floats("x", listOf(1u, 4u), 1f, -2.5f, 1e-30f, 3e38f)
        val answer = models.answer("predict", model, listOf(input))
        assertEquals(listOf(input.copy(name = "y")), answer.outputs)
    }

    @Test
    fun `the same model, a hundred predictions, one answer`() {
        val model = models.load(models.runtime(), library.install(Library.model("classifier")))
        val input = floats("x", listOf(1u, 2u), 0.25f, -1f)
        val first = models.answer("predict", model, listOf(input)).outputs
        repeat(100) { assertEquals(first, models.answer("predict", model, listOf(input)).outputs) }
    }

    @Test
    fun `twenty threads predict at once, each its own answer`() {
        val model = models.load(models.runtime(), library.install(Library.model("classifier")))
        val inputs = List(20) { floats("x", listOf(1u, 2u), it / 16f, 1f - it / 8f) }
        val alone = inputs.map { models.answer("predict", model, listOf(it)).outputs }
        assertEquals(inputs.size, alone.toSet().size, "$alone")

        // A prime, so that turns end at other instructions each time.
        val threads = Threads(bionic, quantum = 997)
        val predictions = inputs.map { input -> List(3) { models.prepare(model, listOf(input)) } }
        val started = predictions.map { own -> threads.start(own.map { it.call }) }
        assertEquals(inputs.size, bionic.threads)
        started.forEach { threads.join(it) }
        assertTrue(bionic.kernel.turns > 10 * inputs.size, "${bionic.kernel.turns} turns")
        for ((expected, own) in alone.zip(predictions)) {
            own.forEach { assertEquals(expected, models.finish(it).outputs) }
        }
    }

    @Test
    fun `a panic reaches the host, and the library lives on`() {
        val model = models.load(models.runtime(), library.install(Library.model("identity_f32")))
        val input = floats("x", listOf(1u, 1u), 7f)
        repeat(3) {
            // More bytes than any vector has. The host API makes an `Internal` of what is thrown here.
            val panic = assertThrows(Panicked::class.java) { facade.reserve(-1) }
            assertEquals("capacity overflow", panic.message)
            assertEquals(listOf(input.copy(name = "y")), models.answer("predict", model, listOf(input)).outputs)
        }
    }

    @Test
    fun `a panic in an operator fails that run by the node's name, and the model lives on`() {
        val model = models.load(models.runtime(), gatherModel())
        val row = floats("x", listOf(2u), 5f, 6f)

        fun gather(index: Long) = models.answer("predict", model, listOf(row, longs("at", listOf(1u), index))).outputs
        repeat(3) {
            val failure = assertThrows(TandemFailure.Failed::class.java) { gather(7) }
            assertEquals(FailureCode.INVALID_INPUT, failure.code, failure.detail)
            for (part in listOf("look-up", "a panic in the engine")) assertTrue(part in failure.detail, failure.detail)
            assertEquals(listOf(floats("y", listOf(1u), 6f)), gather(1))
        }
    }

    @Test
    fun `a file that is no model`() {
        val path = library.install("models/garbage.onnx")
        val failure = assertThrows(TandemFailure.Failed::class.java) { models.load(models.runtime(), path) }
        assertEquals(FailureCode.INVALID_MODEL, failure.code, failure.detail)
    }

    @Test
    fun `a file that is not there`() {
        val failure =
            assertThrows(TandemFailure.Failed::class.java) { models.load(models.runtime(), "/data/nowhere.onnx") }
        assertEquals(FailureCode.MODEL_NOT_FOUND, failure.code, failure.detail)
        assertTrue("/data/nowhere.onnx" in failure.detail, failure.detail)
    }

    @Test
    fun `what the host's provider fails with stands in nobody's way`() {
        library.host.willFail("no such sensor")
        val runtime = models.runtime(knowsDevice = true)
        val model = models.load(runtime, library.install(Library.model("identity_f32")))
        val input = floats("x", listOf(1u, 1u), 7f)
        assertEquals(listOf(input.copy(name = "y")), models.answer("run", model, listOf(input)).outputs)
    }

    @Test
    fun `the host's log is told which endpoint failed`() {
        facade.call("func_log_to_host", Host.HANDLE, facade.lower(FfiConverterTypeLogLevel, LogLevel.WARN))
        val runtime = models.runtime(listOf(Models.endpoint("down", "http://127.0.0.1:1")))
        val model = models.load(runtime, library.install(Library.model("identity_f32")))
        val input = floats("x", listOf(1u, 1u), 7f)
        val options = Models.RUN.copy(mode = InferenceMode.PREFER_IN_CLOUD)
        assertEquals(listOf(input.copy(name = "y")), models.answer("run", model, listOf(input), options).outputs)
        assertTrue(library.host.logged.any { "\"down\"" in it }, "${library.host.logged}")
    }

    @Test
    fun `an endpoint that refuses is an error of the network`() {
        val failure = offload("http://127.0.0.1:1")
        assertEquals(FailureCode.OFFLINE, failure.code, failure.detail)
        assertTrue("cannot be reached" in failure.detail, failure.detail)
    }

    @Test
    fun `a name is looked up on a thread of the library, and unknown`() {
        val failure = offload("http://nowhere.invalid:1")
        assertEquals(FailureCode.OFFLINE, failure.code, failure.detail)
        assertTrue("failed to lookup address information" in failure.detail, failure.detail)
        assertEquals(1, bionic.kernel.threads)
    }

    @Test
    fun `a closed runtime says so`() {
        val runtime = models.runtime()
        val model = models.load(runtime, library.install(Library.model("identity_f32")))
        facade.call("method_runtime_shut_down", facade.clone("runtime", runtime))
        val failure =
            assertThrows(TandemFailure.Failed::class.java) {
                models.answer("predict", model, listOf(floats("x", listOf(1u, 1u), 7f)))
            }
        assertEquals(FailureCode.CLOSED, failure.code, failure.detail)
    }

    private fun offload(url: String): TandemFailure.Failed {
        val runtime = models.runtime(listOf(Models.endpoint("down", url)))
        val model = models.load(runtime, library.install(Library.model("identity_f32")))
        return assertThrows(TandemFailure.Failed::class.java) {
            models.answer("offload", model, listOf(floats("x", listOf(1u, 1u), 7f)))
        }
    }

    private fun longs(
        name: String,
        shape: List<ULong>,
        value: Long,
    ): Values {
        val bytes = ByteBuffer.allocate(Long.SIZE_BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(value)
        return Values(name, DType.I64, shape, bytes.array().toList(), null)
    }

    private fun floats(
        name: String,
        shape: List<ULong>,
        vararg values: Float,
    ): Values {
        val bytes = ByteBuffer.allocate(4 * values.size).order(ByteOrder.LITTLE_ENDIAN)
        values.forEach { bytes.putFloat(it) }
        return Values(name, DType.F32, shape, bytes.array().toList(), null)
    }
}
