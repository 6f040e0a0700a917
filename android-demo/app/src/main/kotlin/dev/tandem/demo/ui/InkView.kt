package dev.tandem.demo.ui

import android.annotation.SuppressLint
import android.content.Context
import android.graphics.Canvas
import android.graphics.Paint
import android.graphics.Path
import android.text.Layout
import android.text.StaticLayout
import android.text.TextPaint
import android.util.AttributeSet
import android.util.TypedValue
import android.view.MotionEvent
import android.view.View
import dev.tandem.demo.R
import dev.tandem.demo.model.Ink
import dev.tandem.demo.model.Point

/** A square to draw on. Shows the ink that it is given and tells where the pen goes. */
class InkView(
    context: Context,
    attributes: AttributeSet?,
) : View(context, attributes) {
    /** Told where the pen is set down, moved and lifted. */
    interface Pen {
        fun down(point: Point)

        fun moved(point: Point)

        fun up()
    }

    var pen: Pen? = null

    var ink = Ink()
        set(value) {
            if (field == value) return
            field = value
            path = null
            contentDescription =
                context.getString(if (value.isEmpty) R.string.draw_canvas_empty else R.string.draw_canvas)
            invalidate()
        }

    private var path: Path? = null
    private val line =
        Paint(Paint.ANTI_ALIAS_FLAG).apply {
            style = Paint.Style.STROKE
            strokeCap = Paint.Cap.ROUND
            strokeJoin = Paint.Join.ROUND
            color = context.getColor(R.color.on_surface)
        }
    private val guide =
        Paint(Paint.ANTI_ALIAS_FLAG).apply {
            style = Paint.Style.STROKE
            color = context.getColor(R.color.track)
            strokeWidth = context.dp(1f)
        }
    private val words =
        TextPaint(Paint.ANTI_ALIAS_FLAG).apply {
            color = context.getColor(R.color.on_surface_quiet)
            textSize = TypedValue.applyDimension(TypedValue.COMPLEX_UNIT_SP, 15f, resources.displayMetrics)
        }

    init {
        contentDescription = context.getString(R.string.draw_canvas_empty)
        clipToOutline = true
    }

    override fun onMeasure(
        widthSpec: Int,
        heightSpec: Int,
    ) {
        val screen = resources.displayMetrics
        // On its side a phone leaves little room above the bar of tabs.
        val room = minOf(screen.widthPixels * WIDEST_SHARE, screen.heightPixels * TALLEST_SHARE)
        val tall = minOf(context.dp(TALLEST_DP), room).toInt()
        setMeasuredDimension(MeasureSpec.getSize(widthSpec), minOf(MeasureSpec.getSize(widthSpec), tall))
    }

    override fun onSizeChanged(
        width: Int,
        height: Int,
        oldWidth: Int,
        oldHeight: Int,
    ) {
        path = null
        line.strokeWidth = height * PEN_SHARE
    }

    override fun onDraw(canvas: Canvas) {
        val (left, side) = square()
        for (part in 1..3) {
            val at = side * part / 4
            canvas.drawLine(left + at, side * 0.08f, left + at, side * 0.92f, guide)
            canvas.drawLine(left + side * 0.08f, at, left + side * 0.92f, at, guide)
        }
        if (ink.isEmpty) {
            drawHint(canvas)
        } else {
            canvas.drawPath(path ?: toPath(left, side).also { path = it }, line)
        }
    }

    @SuppressLint("ClickableViewAccessibility") // There is nothing to click: Example and Clear are buttons.
    override fun onTouchEvent(event: MotionEvent): Boolean {
        val pen = pen ?: return false
        when (event.actionMasked) {
            MotionEvent.ACTION_DOWN -> {
                // The screen is not to scroll under the pen.
                parent.requestDisallowInterceptTouchEvent(true)
                pen.down(point(event.x, event.y))
            }

            MotionEvent.ACTION_MOVE -> {
                for (past in 0 until event.historySize) {
                    pen.moved(point(event.getHistoricalX(past), event.getHistoricalY(past)))
                }
                pen.moved(point(event.x, event.y))
            }

            MotionEvent.ACTION_UP, MotionEvent.ACTION_CANCEL -> {
                pen.up()
            }
        }
        return true
    }

    /** Where the square that is drawn on begins, and its side. */
    private fun square(): Pair<Float, Float> = (width - height) / 2f to height.toFloat()

    private fun point(
        x: Float,
        y: Float,
    ): Point {
        val (left, side) = square()
        return Point((x - left) / side, y / side)
    }

    private fun toPath(
        left: Float,
        side: Float,
    ): Path {
        val path = Path()
        for (stroke in ink.strokes) {
            val points = stroke.map { Point(left + it.x * side, it.y * side) }
            path.moveTo(points.first().x, points.first().y)
            // Round the corners: through the middles, bent towards the points.
            points.zipWithNext { from, to ->
                path.quadTo(from.x, from.y, (from.x + to.x) / 2, (from.y + to.y) / 2)
            }
            // A dot is a line of no length, which has round ends.
            path.lineTo(points.last().x + 0.01f, points.last().y)
        }
        return path
    }

    private fun drawHint(canvas: Canvas) {
        val hint = context.getString(R.string.draw_hint)
        val text =
            StaticLayout.Builder
                .obtain(hint, 0, hint.length, words, (width * 0.8f).toInt())
                .setAlignment(Layout.Alignment.ALIGN_CENTER)
                .build()
        canvas.save()
        canvas.translate(width * 0.1f, (height - text.height) / 2f)
        text.draw(canvas)
        canvas.restore()
    }

    private companion object {
        const val TALLEST_DP = 320f
        const val TALLEST_SHARE = 0.53f
        const val WIDEST_SHARE = 0.72f
        const val PEN_SHARE = 0.06f
    }
}
