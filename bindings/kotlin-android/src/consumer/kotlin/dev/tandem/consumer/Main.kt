package dev.tandem.consumer

import dev.tandem.DeviceState
import dev.tandem.DeviceStateProvider
import dev.tandem.ErrorCode
import dev.tandem.ModelSource
import dev.tandem.NetworkKind
import dev.tandem.RuntimeConfig
import dev.tandem.Tandem
import dev.tandem.TandemException
import dev.tandem.Tensor
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.runBlocking
import java.util.concurrent.atomic.AtomicInteger

/**
 * An app as small as can be, compiled against the package and shrunk with its rules: a call with tensors, one that fails with a
 * typed error, one that calls back, and many at once. Its argument is the table's model `identity_f32`.
 */
public fun main(arguments: Array<String>): Unit =
    runBlocking {
        val asked = AtomicInteger()
        val device =
            DeviceStateProvider {
                asked.incrementAndGet()
                DeviceState(network = NetworkKind.NONE)
            }
        Tandem.open(RuntimeConfig(deviceState = device)).use { runtime ->
            runtime.load(ModelSource.File(arguments.single())).use { model ->
                val values = floatArrayOf(1f, -2f, 3.5f, 0f)
                val inputs = mapOf("x" to Tensor.of(values, 2, 2))
                val same =
                    List(20) { async { model.predict(inputs).use { it.outputs.getValue("y").toFloatArray() } } }
                        .awaitAll()
                        .all { it.contentEquals(values) }
                check(same) { "the identity changed its input" }
                model.run(inputs).use { check(it.outputs.size == 1) { "outputs ${it.outputs.keys}" } }
                check(asked.get() > 0) { "the provider of the device state was not asked" }
            }
            val missing = runCatching { runtime.load(ModelSource.File("no-such-file.onnx")) }.exceptionOrNull()
            val code = (missing as? TandemException)?.code
            check(code == ErrorCode.MODEL_NOT_FOUND) { "expected model_not_found, got $missing" }
        }
        println("consumer: all is well")
    }
