package dev.tandem

import dev.tandem.ffi.FailureCode
import dev.tandem.ffi.TandemFailure
import dev.tandem.ffi.panicForTest
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.EnumSource
import java.io.File
import java.io.IOException
import java.nio.ByteBuffer
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.nanoseconds
import kotlin.time.Duration.Companion.seconds

class ErrorTest {
    @ParameterizedTest
    @EnumSource(FailureCode::class)
    fun `every code has its exception, with sentence and retry`(code: FailureCode) {
        val exception = TandemFailure.Failed(code, "the sentence", true, 1500u).toException()
        assertEquals(code.name, exception.code.name)
        assertEquals(code.name.replace("_", "").lowercase(), exception.javaClass.simpleName.lowercase())
        assertEquals(code.name.lowercase(), exception.code.id)
        assertEquals("the sentence", exception.message)
        assertEquals(1500.milliseconds, exception.retryAfter)
        assertTrue(exception.isRetryable)
    }

    @Test
    fun `a panic is an internal error and the process lives`() =
        withModel(tableModel("identity_f32")) { model ->
            repeat(3) {
                val failure = failure<TandemException.Internal> { native { panicForTest() } }
                assertEquals("internal error: a panic asked for by a test", failure.message)
                model.predict(mapOf("x" to Tensor.of(floatArrayOf(1f), 1, 1))).use {
                    assertArrayEquals(floatArrayOf(1f), it["y"].toFloatArray())
                }
            }
        }

    @Test
    fun `loading says what is wrong`() =
        withRuntime { runtime ->
            val garbage = ModelSource.File(conformance.resolve("models/garbage.onnx"))
            failure<TandemException.InvalidModel> { runtime.load(garbage) }
            failure<TandemException.InvalidModel> { runtime.load(ModelSource.Bytes(ByteArray(0))) }
            failure<TandemException.InvalidModel> { runtime.load(ModelSource.Bytes(byteArrayOf(1, 2, 3))) }
            failure<TandemException.ModelNotFound> { runtime.load(ModelSource.File("no such file.onnx")) }
            val source = tableModel("identity_f32")
            failure<TandemException.IntegrityMismatch> { runtime.load(source, LoadOptions(sha256 = "0".repeat(64))) }
            val tight = LoadOptions(limits = Limits(modelBytes = 10))
            failure<TandemException.ResourceLimit> { runtime.load(source, tight) }
            failure<TandemException.InvalidArgument> { runtime.load(source, LoadOptions(plans = -1)) }
            val asset =
                object : ModelSource.Asset {
                    override fun read(): ByteBuffer = throw IOException("no such asset")
                }
            val absent = failure<TandemException.ModelNotFound> { runtime.load(asset) }
            assertTrue("no such asset" in absent.message.orEmpty())
        }

    @Test
    fun `inputs that do not fit are named`() =
        withModel(tableModel("arithmetic")) { model ->
            val a = Tensor.of(FloatArray(4), 2, 2)
            val missing = failure<TandemException.InvalidInput> { model.predict(mapOf("a" to a)) }
            assertTrue("\"b\"" in missing.message.orEmpty())
            failure<TandemException.InvalidInput> { model.predict(emptyMap()) }
            failure<TandemException.InvalidInput> { model.predict(mapOf("a" to a, "b" to a, "c" to a)) }
            val strings = Tensor.of(listOf("x"), 1)
            failure<TandemException.InvalidInput> { model.predict(mapOf("a" to a, "b" to strings)) }
            val unknown = RunOptions(outputs = listOf("nothing"))
            failure<TandemException.InvalidInput> { model.predict(mapOf("a" to a, "b" to a), unknown) }
        }

    @Test
    fun `a spent or negative timeout is over, an endless one is none`() =
        withModel(tableModel("identity_f32")) { model ->
            val inputs = mapOf("x" to Tensor.of(floatArrayOf(1f), 1, 1))
            for (timeout in listOf(Duration.ZERO, (-1).seconds, -Duration.INFINITE, 1.nanoseconds)) {
                failure<TandemException.DeadlineExceeded> { model.predict(inputs, RunOptions(timeout = timeout)) }
            }
            model.predict(inputs, RunOptions(timeout = Duration.INFINITE)).close()
        }

    @Test
    fun `a slow run ends when its time is over`() =
        withModel(slowModel()) { model ->
            val options = RunOptions(timeout = 300.milliseconds)
            failure<TandemException.DeadlineExceeded> { model.predict(slowInput(), options) }
        }

    @Test
    fun `offloading without an endpoint is offline, a bad configuration an invalid argument`() =
        withRuntime { runtime ->
            runtime.load(tableModel("identity_f32")).use { model ->
                val inputs = mapOf("x" to Tensor.of(floatArrayOf(1f), 1, 1))
                failure<TandemException.Offline> { model.offload(inputs) }
            }
            failure<TandemException.InvalidArgument> { runtime.isReady("nowhere") }
            val twice = listOf(Endpoint("a", "http://127.0.0.1:1"), Endpoint("a", "http://127.0.0.1:2"))
            failure<TandemException.InvalidArgument> { Tandem.open(RuntimeConfig(twice)) }
            failure<TandemException.InvalidArgument> { Tandem.open(RuntimeConfig(maxConcurrentCalls = 0)) }
            for (threads in listOf(-1, 0, 65)) {
                val failure = failure<TandemException.InvalidArgument> { Tandem.open(RuntimeConfig(threads = threads)) }
                assertEquals("threads is $threads, expected 1 to 64", failure.message)
            }
            val cache = CacheOptions(File("cache"), maxBytes = -1)
            val failure = failure<TandemException.InvalidArgument> { Tandem.open(RuntimeConfig(cache = cache)) }
            assertEquals("maxBytes is -1, expected nought or more", failure.message)
            assertFalse(cache.folder.exists())
        }

    @Test
    fun `an endpoint that is down is offline, and a policy denial is not`() =
        withRuntime(RuntimeConfig(listOf(Endpoint("down", "http://127.0.0.1:1")))) { runtime ->
            val inputs = mapOf("x" to Tensor.of(floatArrayOf(1f), 1, 1))
            runtime.load(tableModel("identity_f32")).use { model ->
                val offline = failure<TandemException.Offline> { model.offload(inputs) }
                assertTrue(offline.isRetryable)
                assertTrue("\"down\"" in offline.message.orEmpty())
                val secret = RunOptions(sensitivity = Sensitivity.PRIVATE)
                failure<TandemException.PolicyDenied> { model.offload(inputs, secret) }
                val cloudFirst = RunOptions(mode = InferenceMode.PREFER_IN_CLOUD)
                model.run(inputs, cloudFirst).use { prediction ->
                    assertEquals(Placement.OnDevice, prediction.decision.placement)
                }
            }
        }

    @Test
    fun `secrets are not shown`() {
        val endpoint = Endpoint("a", "http://127.0.0.1:1", token = EndpointToken.Fixed("secret-token"))
        assertTrue("secret" !in "$endpoint ${endpoint.token} ${endpoint.tls}")
    }
}
