package dev.tandem.demo.model

import kotlin.math.PI
import kotlin.math.cos
import kotlin.math.sin

/** A drawing of each digit, for those who cannot or do not want to draw. */
object Examples {
    private val digits: List<Ink> =
        listOf(
            ink(arc(0.5, 0.5, 0.22, 0.36, -90, 270)),
            ink(line(0.40, 0.26, 0.54, 0.14) + line(0.54, 0.14, 0.54, 0.86)),
            ink(arc(0.5, 0.32, 0.20, 0.19, -170, 40) + line(0.65, 0.45, 0.29, 0.85) + line(0.29, 0.85, 0.74, 0.85)),
            ink(arc(0.47, 0.31, 0.2, 0.18, -150, 90) + arc(0.47, 0.67, 0.22, 0.19, -90, 150)),
            ink(line(0.52, 0.12, 0.26, 0.56) + line(0.26, 0.56, 0.76, 0.56), line(0.60, 0.36, 0.56, 0.88)),
            ink(
                line(0.70, 0.14, 0.36, 0.14) + line(0.36, 0.14, 0.32, 0.46) +
                    arc(0.48, 0.64, 0.22, 0.22, -130, 140),
            ),
            ink(arc(0.72, 0.56, 0.42, 0.46, -110, -180) + arc(0.49, 0.66, 0.2, 0.2, 180, 540)),
            ink(line(0.26, 0.16, 0.74, 0.16) + line(0.74, 0.16, 0.44, 0.88), line(0.36, 0.52, 0.74, 0.52)),
            ink(
                arc(0.54, 0.3, 0.15, 0.16, 0, -200) + line(0.42, 0.38, 0.60, 0.60) +
                    arc(0.47, 0.7, 0.16, 0.16, -30, 220) + line(0.36, 0.60, 0.68, 0.28),
            ),
            ink(arc(0.49, 0.33, 0.2, 0.2, 0, 360) + arc(0.28, 0.42, 0.41, 0.46, -10, 80)),
        )

    fun of(digit: Int): Ink = digits[digit.mod(digits.size)]

    private fun ink(vararg strokes: List<Point>) = Ink(strokes.toList())

    private fun line(
        fromX: Double,
        fromY: Double,
        toX: Double,
        toY: Double,
    ) = (0..12).map { point(fromX + (toX - fromX) * it / 12, fromY + (toY - fromY) * it / 12) }

    /** From one angle to another in degrees, clockwise from the right. */
    private fun arc(
        x: Double,
        y: Double,
        width: Double,
        height: Double,
        from: Int,
        to: Int,
    ) = (0..32).map {
        val angle = (from + (to - from) * it / 32.0) * PI / 180
        point(x + width * cos(angle), y + height * sin(angle))
    }

    private fun point(
        x: Double,
        y: Double,
    ) = Point(x.toFloat(), y.toFloat())
}
