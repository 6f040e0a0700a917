package dev.tandem

import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.EnumSource
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.time.Duration

class PredictionTest {
    @Test
    fun `a model says what it is`() =
        withModel(tableModel("classifier")) { model ->
            val batch = Dimension.Symbol("batch")
            assertEquals("model", model.info.name)
            assertEquals(64, model.info.digest.length)
            assertEquals(listOf(TensorInfo("x", DType.F32, listOf(batch, Dimension.Fixed(2)))), model.info.inputs)
            assertEquals(listOf("y"), model.info.outputs.map { it.name })
        }

    @ParameterizedTest
    @EnumSource(DType::class)
    fun `every element type goes there and back`(dtype: DType) =
        withModel(tableModel("identity_${dtype.id}")) { model ->
            val given = sample(dtype)
            model.predict(mapOf("x" to given)).use { prediction ->
                val got = prediction["y"]
                assertEquals(dtype, got.dtype)
                assertEquals(listOf(2L, 3L), got.shape)
                assertArrayEquals(elements(given), elements(got))
            }
        }

    @Test
    fun `every form of input gives the same`() =
        withModel(tableModel("identity_f32")) { model ->
            val values = floatArrayOf(1f, -2f, Float.MIN_VALUE, Float.NaN)
            val direct = ByteBuffer.allocateDirect(20).order(ByteOrder.nativeOrder())
            direct.position(4)
            values.forEach { direct.putFloat(it) }
            direct.position(4)
            val forms =
                listOf(
                    Tensor.of(values, 2, 2),
                    Tensor.wrap(values, 2, 2),
                    Tensor.ofBytes(DType.F32, direct, 2, 2),
                    Tensor.wrapBytes(DType.F32, direct, 2, 2),
                )
            for (form in forms) {
                model.predict(mapOf("x" to form)).use { assertArrayEquals(values, it["y"].toFloatArray()) }
            }
        }

    @Test
    fun `empty tensors cross`() =
        withModel(tableModel("identity_f32")) { model ->
            model.predict(mapOf("x" to Tensor.of(FloatArray(0), 0, 3))).use { prediction ->
                assertEquals(listOf(0L, 3L), prediction["y"].shape)
                assertEquals(0, prediction["y"].toFloatArray().size)
            }
        }

    @Test
    fun `several inputs and chosen outputs`() =
        withModel(tableModel("arithmetic")) { model ->
            val inputs =
                mapOf(
                    "b" to Tensor.of(floatArrayOf(10f, 20f, 30f, 40f), 2, 2),
                    "a" to Tensor.of(floatArrayOf(1f, 2f, 3f, 4f), 2, 2),
                )
            model.predict(inputs).use { prediction ->
                assertEquals(listOf("sum", "product"), prediction.outputs.keys.toList())
                assertArrayEquals(floatArrayOf(11f, 22f, 33f, 44f), prediction["sum"].toFloatArray())
                assertArrayEquals(floatArrayOf(10f, 40f, 90f, 160f), prediction["product"].toFloatArray())
                failure<TandemException.InvalidArgument> { prediction["quotient"] }
            }
            model.predict(inputs, RunOptions(outputs = listOf("product"))).use { prediction ->
                assertEquals(listOf("product"), prediction.outputs.keys.toList())
            }
        }

    @Test
    fun `an output is an input again while its prediction is open`() =
        withModel(tableModel("arithmetic")) { model ->
            val one = Tensor.of(floatArrayOf(1f, 2f), 1, 2)
            val first = model.predict(mapOf("a" to one, "b" to one))
            model.predict(mapOf("a" to first["sum"], "b" to one)).use { second ->
                assertArrayEquals(floatArrayOf(3f, 6f), second["sum"].toFloatArray())
            }
            first.close()
            failure<TandemException.Closed> { model.predict(mapOf("a" to first["sum"], "b" to one)) }
        }

    @Test
    fun `a prediction says where it ran and how long it took`() =
        withModel(tableModel("identity_f32")) { model ->
            val prediction = model.run(mapOf("x" to Tensor.of(floatArrayOf(1f), 1, 1)))
            prediction.close()
            prediction.close()
            assertEquals(Placement.OnDevice, prediction.decision.placement)
            assertEquals(Reason.DEFAULT, prediction.decision.reason)
            assertTrue(prediction.timing.total >= (prediction.timing.device ?: Duration.INFINITE))
            assertNull(prediction.timing.remote)
            assertEquals(listOf(1L, 1L), prediction["y"].shape)
            val failure = failure<TandemException.Closed> { prediction["y"].toFloatArray() }
            assertEquals("the prediction is closed", failure.message)
        }

    @Test
    fun `plan, warm-up and profile`() =
        withModel(tableModel("arithmetic")) { model ->
            val inputs = listOf("a", "b").associateWith { Tensor.of(FloatArray(6), 2, 3) }
            model.warmUp(inputs)
            val profile = model.profile(inputs)
            assertTrue(profile.nodes.isNotEmpty())
            assertTrue(profile.nodes.all { it.time <= profile.total })
            assertEquals(listOf<Placement>(Placement.OnDevice), model.plan().order)
        }

    @Test
    fun `models come from files, bytes and assets`() =
        withRuntime { runtime ->
            val file = tableModel("identity_f32").file
            val bytes = file.readBytes()
            val asset =
                object : ModelSource.Asset {
                    override fun read(): ByteBuffer {
                        val padded = ByteBuffer.allocateDirect(bytes.size + 7)
                        padded.position(7)
                        padded.put(bytes)
                        padded.position(7)
                        return padded
                    }
                }
            val sources = listOf(ModelSource.File(file.path), ModelSource.Bytes(bytes), asset)
            val digests = sources.map { source -> runtime.load(source).use { it.info.digest } }
            assertEquals(1, digests.distinct().size)
        }

    @Test
    fun `threads share the work of a run, and answer the same`() {
        val pictures = Tensor.of(FloatArray(64 * 64) { (it * 7 % 17) / 16f }, 64, 1, 8, 8)

        fun answer(threads: Int): FloatArray {
            lateinit var probabilities: FloatArray
            withRuntime(RuntimeConfig(threads = threads)) { runtime ->
                val before = sharingThreads()
                runtime.load(digits).use { model ->
                    model.predict(mapOf("image" to pictures)).use {
                        probabilities = it["probabilities"].toFloatArray()
                    }
                    // Each takes its name as soon as it runs.
                    eventually("threads share the work") { sharingThreads() - before == threads - 1 }
                }
            }
            return probabilities
        }
        assertArrayEquals(answer(1), answer(3))
    }

    /** Threads of the engine that help those of the callers. */
    private fun sharingThreads(): Int {
        val names =
            File("/proc/self/task").listFiles().orEmpty().mapNotNull { task ->
                // A thread may end while they are counted.
                runCatching { task.resolve("comm").readText().trim() }.getOrNull()
            }
        return names.count { Regex("tandem-\\d+").matches(it) }
    }

    private fun sample(dtype: DType): Tensor =
        when (dtype) {
            DType.BOOL -> {
                Tensor.of(booleanArrayOf(true, false, false, true, true, false), 2, 3)
            }

            DType.U8, DType.I8 -> {
                Tensor.of(byteArrayOf(0, 1, 127, -128, -1, 2), 2, 3, dtype = dtype)
            }

            DType.U16, DType.I16, DType.F16 -> {
                Tensor.of(shortArrayOf(0, 1, 0x3c00, Short.MAX_VALUE, -1, -2), 2, 3, dtype = dtype)
            }

            DType.U32, DType.I32 -> {
                Tensor.of(intArrayOf(0, 1, Int.MAX_VALUE, Int.MIN_VALUE, -1, 2), 2, 3, dtype = dtype)
            }

            DType.U64, DType.I64 -> {
                Tensor.of(longArrayOf(0, 1, Long.MAX_VALUE, Long.MIN_VALUE, -1, 2), 2, 3, dtype = dtype)
            }

            DType.F32 -> {
                Tensor.of(floatArrayOf(0f, -0f, 1.5f, Float.MAX_VALUE, Float.NaN, -1e-40f), 2, 3)
            }

            DType.F64 -> {
                Tensor.of(doubleArrayOf(0.0, -0.0, 1.5, Double.MAX_VALUE, Double.NaN, -1e-310), 2, 3)
            }

            DType.STRING -> {
                Tensor.of(listOf("", "a", "äöü", "日本", "line\nbreak", "😀"), 2, 3)
            }
        }

    /** The elements as objects, compared by their bits. */
    private fun elements(tensor: Tensor): Array<Any> =
        when (tensor.dtype) {
            DType.BOOL -> tensor.toBooleanArray().toTypedArray()
            DType.U8, DType.I8 -> tensor.toByteArray().toTypedArray()
            DType.U16, DType.I16, DType.F16 -> tensor.toShortArray().toTypedArray()
            DType.U32, DType.I32 -> tensor.toIntArray().toTypedArray()
            DType.U64, DType.I64 -> tensor.toLongArray().toTypedArray()
            DType.F32 -> tensor.toFloatArray().map { it.toRawBits() }.toTypedArray()
            DType.F64 -> tensor.toDoubleArray().map { it.toRawBits() }.toTypedArray()
            DType.STRING -> tensor.toStrings().toTypedArray()
        }.map { it as Any }.toTypedArray()
}
