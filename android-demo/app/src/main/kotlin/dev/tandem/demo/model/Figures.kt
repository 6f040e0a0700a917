package dev.tandem.demo.model

import java.util.Locale
import kotlin.time.Duration
import kotlin.time.DurationUnit

/** Numbers as people read them, in the language of [locale]. */
class Figures(
    private val locale: Locale = Locale.getDefault(),
) {
    fun time(time: Duration): String {
        val milliseconds = time.toDouble(DurationUnit.MILLISECONDS)
        return when {
            milliseconds < 0.01 -> "${digits(milliseconds * 1000)} µs"
            milliseconds < 1000 -> "${digits(milliseconds)} ms"
            else -> "${digits(milliseconds / 1000)} s"
        }
    }

    fun energy(joules: Double): String =
        when {
            joules < 1e-3 -> "${digits(joules * 1e6)} µJ"
            joules < 1 -> "${digits(joules * 1e3)} mJ"
            else -> "${digits(joules)} J"
        }

    fun bytes(bytes: Long): String =
        when {
            bytes < 1000 -> "$bytes B"
            bytes < 1_000_000 -> "${digits(bytes / 1e3)} kB"
            else -> "${digits(bytes / 1e6)} MB"
        }

    fun rate(bitsPerSecond: Long): String =
        when {
            bitsPerSecond < 1_000_000 -> "${digits(bitsPerSecond / 1e3)} kbit/s"
            bitsPerSecond < 1_000_000_000 -> "${digits(bitsPerSecond / 1e6)} Mbit/s"
            else -> "${digits(bitsPerSecond / 1e9)} Gbit/s"
        }

    fun percent(share: Double): String = String.format(locale, "%.0f %%", share * 100)

    fun count(count: Int): String = String.format(locale, "%,d", count)

    /** Two or three digits that matter. */
    fun digits(value: Double): String =
        when {
            value < 0.995 -> String.format(locale, "%.2f", value)
            value < 9.95 -> String.format(locale, "%.1f", value)
            else -> String.format(locale, "%,.0f", value)
        }
}
