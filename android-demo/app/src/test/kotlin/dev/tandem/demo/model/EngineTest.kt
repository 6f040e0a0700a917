package dev.tandem.demo.model

import dev.tandem.Tensor
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import java.io.File
import java.nio.file.Files
import java.nio.file.attribute.BasicFileAttributes

class EngineTest {
    @get:Rule
    val root = TemporaryFolder()

    @Test
    fun `a later start finds the networks that an earlier one has kept`() {
        val cache = root.root.resolve("cache")
        val (first, kept) = start(cache) to plans(cache)
        assertEquals(2, kept.size)
        assertArrayEquals(first, start(cache), 0f)
        assertEquals(kept, plans(cache))
    }

    /** Loads both networks with an engine of its own, and reads a digit. */
    private fun start(cache: File): FloatArray =
        runBlocking {
            val engine = Engine(fileAssets, MemoryStore()) { cache }
            engine.model(Network.PLANNING)
            val picture = Tensor.of(FloatArray(64) { (it % 7) / 7f }, 1, 1, 8, 8)
            val digits = engine.model(Network.DIGITS)
            val probabilities = digits.predict(mapOf("image" to picture)).use { it["probabilities"].toFloatArray() }
            // Closes the runtime.
            engine.use(CloudSettings())
            probabilities
        }

    /** The compiled networks that are kept: names, and which files they are, others once they were written anew. */
    private fun plans(folder: File): Map<String, Any?> =
        folder.listFiles().orEmpty().filter { it.extension == "plan" }.associate { file ->
            file.name to Files.readAttributes(file.toPath(), BasicFileAttributes::class.java).fileKey()
        }
}
