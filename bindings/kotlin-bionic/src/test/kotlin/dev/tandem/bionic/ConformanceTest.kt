package dev.tandem.bionic

import com.google.gson.JsonObject
import dev.tandem.ffi.DType
import dev.tandem.ffi.Decision
import dev.tandem.ffi.Plan
import dev.tandem.ffi.TandemFailure
import dev.tandem.ffi.WireFormat
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.abs

/** The cases of the conformance table that contact nobody. */
class ConformanceTest {
    @TestFactory
    fun cases(): List<DynamicTest> {
        val local = Case.all(Library.conformance).filter { !it.needsServer && !it.isSplit && it.isOffline() }
        assertTrue(local.size > 50, "${local.size} cases")
        return local.map { case -> DynamicTest.dynamicTest(case.name) { named(case) } }
    }

    /** Runs the case; reports of tests made at run time give a number and no name. */
    private fun named(case: Case) {
        try {
            run(case)
        } catch (failure: Throwable) {
            throw AssertionError("${case.name}: ${failure.message}", failure)
        }
    }

    private fun run(case: Case) {
        val device = case.device()
        // Asked at most once for each call.
        device?.let { library.host.willAnswer(it) }
        val endpoints =
            listOf(
                Models.endpoint("server", NOWHERE),
                Models.endpoint("json", NOWHERE, WireFormat.JSON),
                Models.endpoint("down", NOWHERE),
            )
        val runtime = library.models.runtime(endpoints, device != null)
        try {
            val answer = call(case, runtime)
            record(case) { add("outputs", Case.array(answer.orEmpty().map { Case.toJson(it) })) }
            assertEquals(null, case.error)
        } catch (failure: TandemFailure.Failed) {
            record(case) { addProperty("error", failure.code.name.lowercase()) }
            assertEquals(case.error, failure.code.name.lowercase(), failure.detail)
            for (text in case.says) assertTrue(text in failure.detail, "\"${failure.detail}\" has no $text")
        } finally {
            library.host.release()
            library.facade.free("runtime", runtime)
        }
    }

    /** What the case's run gave; `null` where it only loads or plans. */
    private fun call(
        case: Case,
        runtime: Long,
    ): List<Values>? {
        val path = if (library.exists(case.model)) library.install(case.model) else "/data/${case.model}"
        val model = library.models.load(runtime, path, case.load())
        val token = library.models.token()
        when (case.before) {
            "cancel" -> library.facade.call("method_canceltoken_cancel", library.facade.clone("canceltoken", token))
            "close_model" -> library.facade.call("method_model_shut_down", library.facade.clone("model", model))
            "close_runtime" -> library.facade.call("method_runtime_shut_down", library.facade.clone("runtime", runtime))
        }
        try {
            return when (case.call) {
                "load" -> {
                    null
                }

                "plan" -> {
                    compare(case, library.models.plan(model, case.options()))
                    null
                }

                else -> {
                    val answer = library.models.answer(case.call, model, case.inputs, case.options(), token)
                    compare(case, answer.decision)
                    compare(case, answer.outputs)
                    answer.outputs
                }
            }
        } finally {
            library.facade.free("model", model)
        }
    }

    private fun compare(
        case: Case,
        plan: Plan,
    ) {
        val chosen = plan.candidates.firstOrNull { it.placement == plan.order.firstOrNull() && it.allowed }
        case.reason?.let { assertEquals(it, chosen?.reason?.name?.lowercase()) }
    }

    private fun compare(
        case: Case,
        decision: Decision,
    ) {
        case.reason?.let { assertEquals(it, decision.reason.name.lowercase()) }
    }

    private fun compare(
        case: Case,
        outputs: List<Values>,
    ) {
        if (case.tolerance == 0.0) {
            assertEquals(case.outputs, outputs)
            return
        }
        val bare: (Values) -> Values = { it.copy(bytes = null) }
        assertEquals(case.outputs.map(bare), outputs.map(bare))
        for ((want, got) in case.outputs.zip(outputs)) {
            for ((expected, actual) in floats(want).zip(floats(got))) {
                assertTrue(abs(expected - actual) <= case.tolerance, "expected $expected, got $actual")
            }
        }
    }

    private fun floats(values: Values): List<Float> {
        assertEquals(DType.F32, values.dtype)
        val bytes = checkNotNull(values.bytes).toByteArray()
        val floats = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
        return List(floats.remaining()) { floats.get() }
    }

    private fun Library.exists(path: String) = Library.conformance.resolve(path).exists()

    /** Whether the case sends nothing even where an endpoint could be reached. */
    private fun Case.isOffline() = call != "offload" || error !in listOf("offline", "remote_failed")

    companion object {
        private const val NOWHERE = "http://127.0.0.1:1"
        private val library by lazy { Library() }
        private val records = mutableListOf<JsonObject>()

        private fun record(
            case: Case,
            fill: JsonObject.() -> Unit,
        ) {
            val record = JsonObject()
            record.addProperty("case", case.name)
            record.fill()
            // Plans and loads give nothing that could differ.
            if (case.call !in listOf("plan", "load") || record.has("error")) records += record
        }

        @AfterAll
        @JvmStatic
        fun write() {
            library.close()
            val file = System.getProperty("tandem.conformance.outputs").orEmpty()
            if (file.isNotEmpty()) File(file).writeText(Case.array(records).toString())
        }
    }
}
