package dev.tandem

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class EnduranceTest {
    @Test
    fun `10,000 predictions of a picture leave memory flat`() =
        withModel(tableModel("identity_f32")) { model ->
            val picture = FloatArray(PICTURE) { it.toFloat() }
            val answer = FloatArray(PICTURE)
            val inputs = mapOf("x" to Tensor.wrap(picture, 1, PICTURE.toLong()))
            var answers = 0

            suspend fun predict() {
                picture[0] = answers.toFloat()
                model.predict(inputs).use { it["y"].copyInto(answer) }
                if (answer[0] == answers.toFloat()) answers++
            }
            // On a busy machine the compiler comes late.
            repeat(5_000) { predict() }
            val resident =
                (0..20).map { batch ->
                    if (batch > 0) repeat(500) { predict() }
                    residentBytes()
                }
            assertEquals(15_000, answers)
            assertArrayEquals(picture, answer)
            // A leak shows in every batch, what the compiler and the collector take for themselves in a few.
            val grown = resident.zipWithNext { before, after -> (after - before) / 500 }.sorted()
            println("memory grew by ${grown[10]} bytes for each of 10,000 predictions, the median of ${grown.size}")
            assertTrue(grown[10] < 200, "resident memory grew by so many bytes for each prediction: $grown")
        }

    @Test
    fun `1,000 runtimes and models opened and closed leave memory flat`() {
        val bytes = tableModel("classifier").file.readBytes()
        val input = mapOf("x" to Tensor.of(floatArrayOf(1f, 2f), 1, 2))
        var answers = 0

        fun open() =
            runBlocking {
                Tandem.open().use { runtime ->
                    runtime.load(ModelSource.Bytes(bytes)).use { model ->
                        model.predict(input).use { answers += it["y"].toFloatArray().size / 2 }
                    }
                }
            }
        repeat(100) { open() }
        val before = residentBytes()
        repeat(1_000) { open() }
        val grown = residentBytes() - before
        assertEquals(1_100, answers)
        assertTrue(grown < 64L shl 20, "resident memory grew by $grown bytes")
    }

    @Test
    fun `100 coroutines on one model each get their own answer`() =
        withModel(tableModel("arithmetic")) { model ->
            val answers =
                coroutineScope {
                    List(100) { caller ->
                        async(Dispatchers.Default) {
                            val a = Tensor.of(FloatArray(100) { (caller * it).toFloat() }, 10, 10)
                            val b = Tensor.of(FloatArray(100) { caller.toFloat() }, 10, 10)
                            (1..20).count {
                                model.predict(mapOf("a" to a, "b" to b)).use { prediction ->
                                    val sum = prediction["sum"].toFloatArray()
                                    sum.indices.all { sum[it] == (caller * it + caller).toFloat() }
                                }
                            }
                        }
                    }.awaitAll()
                }
            assertEquals(List(100) { 20 }, answers)
        }

    @Test
    fun `models that nobody closes are collected`() {
        val bytes = tableModel("classifier").file.readBytes()
        withRuntime { runtime ->
            val before = residentBytes()
            repeat(2_000) { round ->
                val model = runtime.load(ModelSource.Bytes(bytes))
                model.predict(mapOf("x" to Tensor.of(floatArrayOf(1f, 2f), 1, 2)))
                if (round % 100 == 0) System.gc()
            }
            val grown = residentBytes() - before
            assertTrue(grown < 256L shl 20, "resident memory grew by $grown bytes")
        }
    }

    private companion object {
        /** The numbers of a picture of 224 by 224 in three colours. */
        const val PICTURE = 150_528
    }
}
