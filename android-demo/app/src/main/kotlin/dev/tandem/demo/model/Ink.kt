package dev.tandem.demo.model

import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.floor
import kotlin.math.max
import kotlin.math.min

/** A point of a drawing, both coordinates from 0 to 1. */
data class Point(
    val x: Float,
    val y: Float,
)

/** A drawing: strokes of points. Immutable. */
data class Ink(
    val strokes: List<List<Point>> = emptyList(),
) {
    val isEmpty: Boolean get() = strokes.isEmpty()

    private val pointCount: Int get() = strokes.sumOf { it.size }

    /** The drawing with another stroke begun; the same where it is full. */
    fun begin(point: Point): Ink = if (pointCount >= LIMIT) this else Ink(strokes + listOf(listOf(point.inside())))

    /** The drawing with its last stroke led on; the same where the pen has hardly moved or the drawing is full. */
    fun lead(point: Point): Ink {
        val stroke = strokes.lastOrNull() ?: return begin(point)
        val (next, last) = point.inside() to stroke.last()
        val near = abs(next.x - last.x) + abs(next.y - last.y) < STEP
        return if (near || pointCount >= LIMIT) this else Ink(strokes.dropLast(1) + listOf(stroke + next))
    }

    /**
     * The drawing as the network wants it: 8 by 8 values from 0 to 1, as the data set was made. The drawing fills a bitmap
     * of 32 by 32, and each value is the share of inked pixels in a block of 4 by 4.
     */
    fun toPixels(): FloatArray {
        if (isEmpty) return FloatArray(SIDE * SIDE)
        val bitmap = BooleanArray(GRID * GRID)
        val frame = frame()
        for (stroke in strokes) {
            val points = stroke.map(frame)
            points.zip(points.drop(1) + points.takeLast(1)) { from, to -> bitmap.ink(from, to) }
        }
        return FloatArray(SIDE * SIDE) { block ->
            val (top, left) = block / SIDE * BLOCK to block % SIDE * BLOCK
            val inked = (0 until BLOCK * BLOCK).count { bitmap[(top + it / BLOCK) * GRID + left + it % BLOCK] }
            inked.toFloat() / (BLOCK * BLOCK)
        }
    }

    /** Moves the drawing to the middle of the grid and makes it as large as fits. */
    private fun frame(): (Point) -> Point {
        val points = strokes.flatten()
        val (left, right) = points.minOf { it.x } to points.maxOf { it.x }
        val (top, bottom) = points.minOf { it.y } to points.maxOf { it.y }
        val room = GRID - 2 * PEN
        // A dot stays a dot.
        val scale = room / max(max(right - left, bottom - top), 0.1f)
        val (middleX, middleY) = (left + right) / 2 to (top + bottom) / 2
        return { Point(GRID / 2f + (it.x - middleX) * scale, GRID / 2f + (it.y - middleY) * scale) }
    }

    /** For the saved state of the app. */
    fun encode(): String =
        strokes.joinToString(";") { stroke -> stroke.joinToString(" ") { "${grain(it.x)},${grain(it.y)}" } }

    companion object {
        /** Pixels in a row of what the network sees. */
        const val SIDE = 8
        private const val BLOCK = 4
        private const val GRID = SIDE * BLOCK
        private const val PEN = 1.7f
        private const val STEP = 0.006f
        private const val LIMIT = 4000
        private const val GRAINS = 10_000

        private fun grain(value: Float) = (value * GRAINS).toInt()

        /** What [encode] wrote; empty where it is something else. */
        fun decode(text: String): Ink =
            try {
                val point = { pair: String ->
                    val (x, y) = pair.split(",").map { it.toInt().toFloat() / GRAINS }
                    Point(x, y).inside()
                }
                Ink(text.split(";").filter { it.isNotEmpty() }.map { it.split(" ").map(point) })
            } catch (_: NumberFormatException) {
                Ink()
            } catch (_: IndexOutOfBoundsException) {
                Ink()
            }

        private fun Point.inside() = Point(x.coerceIn(0f, 1f), y.coerceIn(0f, 1f))

        /** Inks the pixels within the pen's reach of the line between two points. */
        private fun BooleanArray.ink(
            from: Point,
            to: Point,
        ) {
            val rows = reach(from.y, to.y)
            val columns = reach(from.x, to.x)
            for (row in rows) {
                for (column in columns) {
                    if (distance(Point(column + 0.5f, row + 0.5f), from, to) <= PEN) this[row * GRID + column] = true
                }
            }
        }

        private fun reach(
            from: Float,
            to: Float,
        ): IntRange {
            val first = floor(min(from, to) - PEN).toInt().coerceAtLeast(0)
            return first..ceil(max(from, to) + PEN).toInt().coerceAtMost(GRID - 1)
        }

        private fun distance(
            point: Point,
            from: Point,
            to: Point,
        ): Float {
            val (dx, dy) = to.x - from.x to to.y - from.y
            val length = dx * dx + dy * dy
            val along = if (length == 0f) 0f else ((point.x - from.x) * dx + (point.y - from.y) * dy) / length
            val t = along.coerceIn(0f, 1f)
            val (x, y) = point.x - from.x - t * dx to point.y - from.y - t * dy
            return kotlin.math.sqrt(x * x + y * y)
        }
    }
}
