package dev.tandem.demo.model

import org.junit.Assert.assertEquals
import org.junit.Assert.assertSame
import org.junit.Assert.assertTrue
import org.junit.Test

class InkTest {
    @Test
    fun `what was saved is what was drawn, to a ten-thousandth`() {
        val ink = Examples.of(7)
        val back = Ink.decode(ink.encode())
        assertEquals(ink.strokes.map { it.size }, back.strokes.map { it.size })
        ink.strokes.flatten().zip(back.strokes.flatten()) { one, other ->
            assertEquals(one.x, other.x, 1e-4f)
            assertEquals(one.y, other.y, 1e-4f)
        }
        assertEquals(back, Ink.decode(back.encode()))
    }

    @Test
    fun `what is no drawing is none`() {
        for (text in listOf("", ";", "a,b", "1", "1,2 3", "99999999999,1")) {
            assertTrue(text, Ink.decode(text).isEmpty)
        }
    }

    @Test
    fun `a drawing has a limit, stays inside and ignores a pen that does not move`() {
        var ink = Ink().begin(Point(-3f, 9f))
        assertEquals(listOf(listOf(Point(0f, 1f))), ink.strokes)
        assertSame(ink, ink.lead(Point(0f, 1f)))
        repeat(10_000) { ink = ink.lead(Point(it % 2f, it % 3 / 2f)) }
        assertTrue(ink.strokes.sumOf { it.size } <= 4000)
        assertSame(ink, ink.begin(Point(0f, 0f)))
    }

    @Test
    fun `the network sees the drawing in the middle, whatever its place and size`() {
        val large = Examples.of(0)
        val small = Ink(large.strokes.map { stroke -> stroke.map { Point(0.6f + it.x / 4, 0.1f + it.y / 4) } })
        val (one, other) = large.toPixels() to small.toPixels()
        for (index in one.indices) assertEquals(one[index], other[index], 0.13f)
        assertTrue(one.all { it in 0f..1f })
        assertTrue(Ink().toPixels().all { it == 0f })
    }
}
