package dev.tandem

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.async
import kotlinx.coroutines.supervisorScope
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import org.opentest4j.TestAbortedException
import kotlin.math.abs

/** Runs the table that Rust and Swift run too. */
class ConformanceTest {
    private val table = ConformanceTable.read()

    @TestFactory
    fun cases(): List<DynamicTest> {
        assertEquals(1, table.version)
        assertTrue(table.cases.isNotEmpty())
        return table.cases.map { case -> DynamicTest.dynamicTest(case.name) { named(case) } }
    }

    /** Runs the case; reports of tests made at run time give a number and no name. */
    private fun named(case: ConformanceTable.Case) {
        try {
            run(case)
        } catch (skipped: TestAbortedException) {
            throw skipped
        } catch (failure: Throwable) {
            throw AssertionError("${case.name}: ${failure.message}", failure)
        }
    }

    private fun run(case: ConformanceTable.Case) {
        // A case that needs no server must not depend on one either.
        val url = if (case.needsServer) requireServer() else testServer ?: NOWHERE
        val endpoints =
            listOf(
                Endpoint("server", url),
                Endpoint("json", url, wire = WireFormat.JSON),
                Endpoint("down", NOWHERE),
            )
        val device = case.device?.let { FixedDeviceState(it.toState()) }
        withRuntime(RuntimeConfig(endpoints, deviceState = device)) { runtime ->
            val error = case.expect.error
            if (error == null) {
                when (val answer = call(case, runtime)) {
                    is Prediction -> answer.use { compare(case.expect, it) }
                    is Plan -> compare(case.expect, answer.chosen, answer.candidates)
                }
            } else {
                refused(case, error) { call(case, runtime) }
            }
        }
    }

    /** The case's prediction or plan; `null` where it only loads. */
    private suspend fun call(
        case: ConformanceTable.Case,
        runtime: Runtime,
    ): Any? {
        val load = case.load
        val limits = Limits(modelBytes = load?.modelBytes)
        val source = ModelSource.File(conformance.resolve(case.model))
        val splits = load?.splits?.toSplits()
        val model = runtime.load(source, LoadOptions(load?.name, load?.sha256, limits, splits = splits))
        val options = case.options?.toRunOptions() ?: RunOptions.DEFAULT
        val inputs = case.inputs.orEmpty().associate { it.name to it.toTensor() }
        return supervisorScope {
            val answer: Deferred<Any?> =
                async(start = CoroutineStart.UNDISPATCHED) {
                    when (case.before) {
                        "cancel" -> coroutineContext[kotlinx.coroutines.Job]?.cancel()
                        "close_model" -> model.close()
                        "close_runtime" -> runtime.close()
                    }
                    when (case.call) {
                        "load" -> null
                        "predict" -> model.predict(inputs, options)
                        "offload" -> model.offload(inputs, options)
                        "run" -> model.run(inputs, options)
                        "plan" -> model.plan(options)
                        else -> error("no call ${case.call}")
                    }
                }
            answer.await()
        }
    }

    private suspend fun refused(
        case: ConformanceTable.Case,
        code: String,
        call: suspend () -> Unit,
    ) {
        if (code == ErrorCode.CANCELLED.id) {
            // A coroutine that is cancelled says so in its own way.
            failure<CancellationException> { call() }
            return
        }
        val failure = failure<TandemException> { call() }
        assertEquals(code, failure.code.id, failure.message)
        for (text in case.expect.says.orEmpty()) {
            assertTrue(text in failure.message.orEmpty(), "\"${failure.message}\" has no $text")
        }
    }

    private fun compare(
        expect: ConformanceTable.Expect,
        prediction: Prediction,
    ) {
        val outputs = expect.outputs.orEmpty()
        assertEquals(outputs.map { it.name }, prediction.outputs.keys.toList())
        for (values in outputs) {
            val (want, got) = values.toTensor() to prediction[values.name]
            assertEquals(want.dtype, got.dtype)
            assertEquals(want.shape, got.shape)
            compare(want, got, expect.tolerance ?: 0.0)
        }
        val decision = prediction.decision
        if (expect.placement?.kind == "split") {
            // Predicted and measured stand side by side.
            assertNotNull(decision.predicted)
            assertNotNull(prediction.timing.device)
            assertNotNull(prediction.timing.remote)
        }
        compare(expect, Candidate(decision.placement, true, decision.reason), decision.candidates)
    }

    /** Compares where it runs, and what was considered. */
    private fun compare(
        expect: ConformanceTable.Expect,
        chosen: Candidate?,
        candidates: List<Candidate>,
    ) {
        expect.placement?.let { assertEquals(it.toPlacement(), chosen?.placement) }
        expect.reason?.let { assertEquals(it, chosen?.reason?.id) }
        val considered = candidates.map { Triple(it.placement, it.isAllowed, it.reason.id) }
        for (want in expect.candidates.orEmpty()) {
            val wanted = Triple(want.placement.toPlacement(), want.allowed, want.reason)
            assertTrue(wanted in considered, "$wanted is not among $considered")
        }
    }

    private fun compare(
        want: Tensor,
        got: Tensor,
        tolerance: Double,
    ) {
        if (tolerance > 0) {
            val (expected, actual) = want.toFloatArray() to got.toFloatArray()
            for (index in expected.indices) {
                assertTrue(abs(expected[index] - actual[index]) <= tolerance, "${actual[index]} at $index")
            }
            return
        }
        when (want.dtype) {
            DType.BOOL -> {
                assertArrayEquals(want.toBooleanArray(), got.toBooleanArray())
            }

            DType.U8, DType.I8 -> {
                assertArrayEquals(want.toByteArray(), got.toByteArray())
            }

            DType.U16, DType.I16, DType.F16 -> {
                assertArrayEquals(want.toShortArray(), got.toShortArray())
            }

            DType.U32, DType.I32 -> {
                assertArrayEquals(want.toIntArray(), got.toIntArray())
            }

            DType.U64, DType.I64 -> {
                assertArrayEquals(want.toLongArray(), got.toLongArray())
            }

            DType.F32 -> {
                assertEquals(
                    want.toFloatArray().map { it.toRawBits() },
                    got.toFloatArray().map { it.toRawBits() },
                )
            }

            DType.F64 -> {
                assertEquals(
                    want.toDoubleArray().map { it.toRawBits() },
                    got.toDoubleArray().map { it.toRawBits() },
                )
            }

            DType.STRING -> {
                assertEquals(want.toStrings(), got.toStrings())
            }
        }
    }

    private companion object {
        /** Where nothing listens. */
        const val NOWHERE = "http://127.0.0.1:1"
    }
}
