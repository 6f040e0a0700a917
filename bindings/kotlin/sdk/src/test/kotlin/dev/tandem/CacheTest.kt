package dev.tandem

import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File
import java.nio.file.Files
import java.nio.file.attribute.BasicFileAttributes

/** What a folder of compiled models changes: nothing but which files are read. */
class CacheTest {
    @TempDir
    private lateinit var root: File

    private val pictures = Tensor.of(FloatArray(3 * 64) { (it * 7 % 17) / 16f }, 3, 1, 8, 8)

    /** The bits of what a runtime of its own answers. */
    private fun answer(
        cache: CacheOptions?,
        source: ModelSource = digits,
    ): List<Int> {
        var bits = emptyList<Int>()
        withRuntime(RuntimeConfig(cache = cache)) { runtime ->
            runtime.load(source).use { model ->
                model.predict(mapOf("image" to pictures)).use { prediction ->
                    bits = prediction.outputs.values.flatMap { it.toFloatArray().map(Float::toRawBits) }
                }
            }
        }
        assertEquals(3 * 20, bits.size)
        return bits
    }

    private fun plans(folder: File) = folder.listFiles().orEmpty().filter { it.extension == "plan" }

    /** Which file it is, whatever its name: another once it was written anew. */
    private fun identity(file: File): Any? =
        Files.readAttributes(file.toPath(), BasicFileAttributes::class.java).fileKey()

    @Test
    fun `a second runtime loads what the first has kept, and answers the same bit for bit`() {
        val expected = answer(null)
        val folder = root.resolve("made/when/needed")
        assertEquals(expected, answer(CacheOptions(folder)))
        val plan = plans(folder).single()
        val (written, kept) = identity(plan) to plan.readBytes()
        for (source in listOf(digits, ModelSource.Bytes(digits.file.readBytes()))) {
            plan.setLastModified(LONG_AGO)
            assertEquals(expected, answer(CacheOptions(folder), source))
            assertEquals(listOf(plan), plans(folder))
            // Read, and so touched, but not written anew.
            assertNotEquals(LONG_AGO, plan.lastModified())
            assertEquals(written, identity(plan))
            assertArrayEquals(kept, plan.readBytes())
        }
    }

    @Test
    fun `damaged files cost a compilation, no answer`() {
        val expected = answer(null)
        val cache = CacheOptions(root.resolve("cache"))
        answer(cache)
        val plan = plans(cache.folder).single()
        val kept = plan.readBytes()
        val flipped = kept.copyOf().also { it[kept.size / 2] = (it[kept.size / 2].toInt() xor 1).toByte() }
        for (damaged in listOf(flipped, kept.copyOf(kept.size - 1), ByteArray(kept.size), ByteArray(0))) {
            // Records of the models' files too.
            cache.folder
                .listFiles()
                .orEmpty()
                .forEach { it.writeBytes(damaged) }
            val broken = identity(plan)
            assertEquals(expected, answer(cache))
            assertNotEquals(broken, identity(plan))
            assertArrayEquals(kept, plan.readBytes())
        }
    }

    @Test
    fun `nothing is kept beyond the bound`() {
        val cache = CacheOptions(root.resolve("cache"), maxBytes = 100)
        assertEquals(answer(null), answer(cache))
        assertEquals(emptyList<File>(), plans(cache.folder))
    }

    @Test
    fun `a folder that cannot be used fails nothing`() {
        val expected = answer(null)
        val file = root.resolve("file").also { it.writeText("no folder") }
        // Nobody can make a folder in /proc.
        for (folder in listOf(file, file.resolve("below"), File("/proc/tandem"), File(""), File("\u0000"))) {
            assertEquals(expected, answer(CacheOptions(folder)), "$folder")
        }
        assertEquals("no folder", file.readText())
    }

    private companion object {
        /** In milliseconds since 1970. */
        const val LONG_AGO = 1_000_000_000L
    }
}
