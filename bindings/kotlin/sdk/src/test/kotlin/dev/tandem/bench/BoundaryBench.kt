package dev.tandem.bench

import com.sun.management.ThreadMXBean
import dev.tandem.Call
import dev.tandem.DType
import dev.tandem.HostTensor
import dev.tandem.LogLevel
import dev.tandem.LogSink
import dev.tandem.ModelSource
import dev.tandem.RunOptions
import dev.tandem.Tandem
import dev.tandem.Tensor
import dev.tandem.ffi.CancelToken
import dev.tandem.ffi.DenseInput
import dev.tandem.ffi.PlannerSettings
import dev.tandem.ffi.RuntimeConfig
import dev.tandem.ffi.TandemFailure
import dev.tandem.ffi.TensorSpec
import dev.tandem.ffi.logForTest
import dev.tandem.toNative
import kotlinx.coroutines.runBlocking
import java.io.File
import java.lang.management.ManagementFactory
import dev.tandem.ffi.Limits as NativeLimits
import dev.tandem.ffi.LoadOptions as NativeLoadOptions
import dev.tandem.ffi.Runtime as NativeRuntime

/** The numbers of a picture of 224 by 224 in three colours: 602,112 bytes. */
private const val PICTURE = 150_528

/**
 * What crossing the boundary costs on this JVM: `BoundaryBench IDENTITY_F32_MODEL [ROUNDS]`.
 *
 * Prints a JSON row for each number. Takes a release build of the facade with the feature `test-hooks`.
 */
public fun main(arguments: Array<String>) {
    val model = File(arguments[0])
    val rounds = arguments.getOrNull(1)?.toInt() ?: 5_000
    BoundaryBench(model, rounds).run()
}

private class BoundaryBench(
    private val model: File,
    private val rounds: Int,
) {
    private val picture = FloatArray(PICTURE) { it.toFloat() }
    private val threads = ManagementFactory.getThreadMXBean() as ThreadMXBean

    fun run() {
        calls()
        crossing()
        predictions()
        callbacks()
    }

    private fun calls() {
        val token = CancelToken()
        measure("call of a method") { token.cancel() }
        token.destroy()
        measure("making and freeing an object") { CancelToken().destroy() }
        val runtime = NativeRuntime(RuntimeConfig(emptyList(), null, PlannerSettings(false, null), null, 1, null))
        CancelToken().use { cancel ->
            measure("call that fails") {
                try {
                    runtime.isReady("nowhere", null, cancel)
                } catch (_: TandemFailure) {
                    return@measure
                }
            }
        }
        runtime.destroy()
    }

    private fun crossing() {
        val runtime = NativeRuntime(RuntimeConfig(emptyList(), null, PlannerSettings(false, null), null, 1, null))
        val call = Call()
        val tensor = Tensor.wrap(picture, 1, PICTURE.toLong()) as HostTensor
        val spec = TensorSpec(DType.F32.toNative(), tensor.shape.toNative())
        var made: dev.tandem.ffi.Tensor? = null
        measure("602,112 bytes into an engine tensor", after = { made?.destroy() }) {
            made = runtime.tensor(spec, call.stage(listOf(tensor)))
        }
        call.close()
        runtime.destroy()

        runBlocking {
            Tandem.open().use { tandem ->
                tandem.load(ModelSource.File(model)).use { loaded ->
                    loaded.predict(mapOf("x" to tensor)).use { prediction ->
                        val output = prediction["y"]
                        val into = FloatArray(PICTURE)
                        measure("602,112 bytes out into a reused array") { output.copyInto(into) }
                        measure("602,112 bytes out into a fresh array") { output.toFloatArray() }
                    }
                }
            }
        }
    }

    private fun predictions() {
        val runtime = NativeRuntime(RuntimeConfig(emptyList(), null, PlannerSettings(false, null), null, 1, null))
        val options = NativeLoadOptions(NativeLimits(null, null, null, null), null, null, null, null, null)
        val call = Call()
        val identity = runtime.loadFile(model.path, options, call.token)
        val run = RunOptions.DEFAULT.toNative(null)
        for (size in listOf(1, PICTURE)) {
            val tensor = Tensor.wrap(picture.copyOf(size), 1, size.toLong()) as HostTensor
            val specs = listOf(DenseInput("x", DType.F32.toNative(), tensor.shape.toNative()))
            measure("predict of ${size * 4} bytes, the native call alone") {
                identity.predictBytes(specs, call.stage(listOf(tensor)), run, call.token).destroy()
            }
        }
        call.close()
        identity.destroy()
        runtime.destroy()

        runBlocking {
            Tandem.open().use { tandem ->
                tandem.load(ModelSource.File(model)).use { loaded ->
                    for (size in listOf(1, PICTURE)) {
                        val inputs = mapOf("x" to Tensor.wrap(picture.copyOf(size), 1, size.toLong()))
                        val into = FloatArray(size)
                        measure("predict of ${size * 4} bytes, in and out") {
                            loaded.predict(inputs).use { it["y"].copyInto(into) }
                        }
                    }
                }
            }
        }
    }

    private fun callbacks() {
        val sink = LogSink { _, _, _ -> }
        Tandem.logTo(sink, LogLevel.ERROR)
        for ((where, elsewhere) in listOf("the same thread" to false, "another thread" to true)) {
            val count = 1_000
            val times =
                LongArray(50) {
                    val began = System.nanoTime()
                    logForTest(count.toUInt(), elsewhere)
                    (System.nanoTime() - began) / count
                }
            row("callback with two strings from $where", times.sortedArray()[times.size / 2] / 1e3, "median", "us")
        }
    }

    private inline fun measure(
        case: String,
        after: () -> Unit = {},
        body: () -> Unit,
    ) {
        repeat(rounds) {
            body()
            after()
        }
        val times = LongArray(rounds)
        val allocated = allocated()
        for (round in times.indices) {
            val began = System.nanoTime()
            body()
            times[round] = System.nanoTime() - began
            after()
        }
        val garbage = (allocated() - allocated).toDouble() / rounds
        times.sort()
        row(case, times[rounds / 2] / 1e3, "median", "us")
        row(case, times[rounds * 99 / 100] / 1e3, "p99", "us")
        row(case, garbage, "garbage", "bytes")
    }

    /** Bytes that all threads have allocated so far. */
    private fun allocated(): Long = threads.getThreadAllocatedBytes(threads.allThreadIds).filter { it > 0 }.sum()

    private fun row(
        case: String,
        value: Double,
        metric: String,
        unit: String,
    ) {
        val number = String.format(java.util.Locale.ROOT, "%.2f", value)
        println(
            "{\"case\":\"$case\",\"subject\":\"kotlin\",\"metric\":\"$metric\",\"unit\":\"$unit\",\"value\":$number}",
        )
    }
}
