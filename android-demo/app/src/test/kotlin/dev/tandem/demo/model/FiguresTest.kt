package dev.tandem.demo.model

import org.junit.Assert.assertEquals
import org.junit.Test
import java.util.Locale
import kotlin.time.Duration.Companion.microseconds
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.nanoseconds

class FiguresTest {
    private val figures = Figures(Locale.UK)

    @Test
    fun `numbers have the digits that matter`() {
        assertEquals("8.5 µs", figures.time(8500.nanoseconds))
        assertEquals("0.12 ms", figures.time(123.microseconds))
        assertEquals("13 ms", figures.time(12_700.microseconds))
        assertEquals("1.5 s", figures.time(1500.milliseconds))
        assertEquals("140 mJ", figures.energy(0.14))
        assertEquals("1.9 J", figures.energy(1.898))
        assertEquals("50 µJ", figures.energy(5e-5))
        assertEquals("0 B", figures.bytes(0))
        assertEquals("602 kB", figures.bytes(602_112))
        assertEquals("100 kbit/s", figures.rate(100_000))
        assertEquals("10 Mbit/s", figures.rate(10_000_000))
        assertEquals("1.0 Gbit/s", figures.rate(1_000_000_000))
        assertEquals("97 %", figures.percent(0.97))
        assertEquals("4,000", figures.count(4000))
    }
}
