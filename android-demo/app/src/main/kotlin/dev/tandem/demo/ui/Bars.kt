package dev.tandem.demo.ui

import android.content.Context
import android.graphics.Canvas
import android.graphics.Paint
import android.graphics.Path
import android.graphics.RectF
import android.graphics.Typeface
import android.util.AttributeSet
import android.util.TypedValue
import android.view.View
import dev.tandem.demo.R
import dev.tandem.demo.model.Figures

/** A bar of parts, each as long as its share. */
class PhaseBar(
    context: Context,
    attributes: AttributeSet?,
) : View(context, attributes) {
    /** What the bar is made of: shares of any unit, and their colours. */
    var parts: List<Pair<Double, Int>> = emptyList()
        set(value) {
            field = value
            invalidate()
        }

    private val paint = Paint(Paint.ANTI_ALIAS_FLAG)
    private val outline = Path()
    private val track = context.getColor(R.color.track)
    private val gap = context.dp(1.5f)

    override fun onSizeChanged(
        width: Int,
        height: Int,
        oldWidth: Int,
        oldHeight: Int,
    ) {
        outline.reset()
        val box = RectF(0f, 0f, width.toFloat(), height.toFloat())
        outline.addRoundRect(box, height / 2f, height / 2f, Path.Direction.CW)
    }

    override fun onDraw(canvas: Canvas) {
        canvas.save()
        canvas.clipPath(outline)
        val whole = parts.sumOf { it.first }
        if (whole <= 0) canvas.drawColor(track)
        var x = 0f
        for ((share, color) in parts) {
            if (whole <= 0) break
            val width = (this.width * share / whole).toFloat()
            paint.color = color
            canvas.drawRect(x, 0f, x + maxOf(width - gap, 1f), height.toFloat(), paint)
            x += width
        }
        canvas.restore()
    }
}

/** How long a candidate is expected to take: a bar to the middle, and a thin one to the 90th percentile. */
class LatencyBar(
    context: Context,
    attributes: AttributeSet?,
) : View(context, attributes) {
    private val paint = Paint(Paint.ANTI_ALIAS_FLAG)
    private val track = context.getColor(R.color.track)
    private val box = RectF()
    private var middle = 0f
    private var late = 0f
    private var color = 0

    /** Both as shares of the longest bar of all candidates. */
    fun show(
        middle: Float,
        late: Float,
        color: Int,
    ) {
        this.middle = middle
        this.late = late
        this.color = color
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        bar(canvas, 1f, track, height.toFloat())
        bar(canvas, late, color and 0x00FFFFFF or (0x59 shl 24), height.toFloat())
        bar(canvas, middle, color, height.toFloat())
    }

    private fun bar(
        canvas: Canvas,
        share: Float,
        color: Int,
        thickness: Float,
    ) {
        if (share <= 0f) return
        val length = maxOf(width * share, thickness)
        val mirrored = layoutDirection == LAYOUT_DIRECTION_RTL
        val from = if (mirrored) width - length else 0f
        box.set(from, (height - thickness) / 2, from + length, (height + thickness) / 2)
        paint.color = color
        canvas.drawRoundRect(box, thickness / 2, thickness / 2, paint)
    }
}

/** Ten columns: how probable each digit is. */
class ProbabilityView(
    context: Context,
    attributes: AttributeSet?,
) : View(context, attributes) {
    private val figures = Figures()
    private var values: List<Float> = emptyList()
    private var color = context.getColor(R.color.place_device)
    private val paint = Paint(Paint.ANTI_ALIAS_FLAG)
    private val track = context.getColor(R.color.track)
    private val box = RectF()
    private val words =
        Paint(Paint.ANTI_ALIAS_FLAG).apply {
            textAlign = Paint.Align.CENTER
            textSize =
                minOf(
                    TypedValue.applyDimension(TypedValue.COMPLEX_UNIT_SP, 13f, resources.displayMetrics),
                    context.dp(22f),
                )
        }
    private val quiet = context.getColor(R.color.on_surface_quiet)
    private val loud = context.getColor(R.color.on_surface)

    /** The probabilities of the digits; none where there is no answer. */
    fun show(
        probabilities: List<Float>,
        color: Int,
    ) {
        values = probabilities
        this.color = color
        val likely = probabilities.withIndex().sortedByDescending { it.value }.take(SPOKEN)
        contentDescription =
            context.getString(
                R.string.draw_probabilities,
                likely.joinToString("; ") { (digit, share) ->
                    context.getString(R.string.draw_probability, digit, figures.percent(share.toDouble()))
                },
            )
        importantForAccessibility =
            if (probabilities.isEmpty()) IMPORTANT_FOR_ACCESSIBILITY_NO else IMPORTANT_FOR_ACCESSIBILITY_YES
        invalidate()
    }

    override fun onMeasure(
        widthSpec: Int,
        heightSpec: Int,
    ) {
        val height = context.dp(COLUMN_DP) + words.textSize * 1.7f
        setMeasuredDimension(MeasureSpec.getSize(widthSpec), height.toInt())
    }

    override fun onDraw(canvas: Canvas) {
        val tall = context.dp(COLUMN_DP)
        val each = width / DIGITS.toFloat()
        val thick = minOf(each * 0.5f, context.dp(16f))
        val best = values.indices.maxByOrNull { values[it] }
        for (digit in 0 until DIGITS) {
            val middle = each * (digit + 0.5f)
            column(canvas, middle, thick, tall, 1f, track)
            column(canvas, middle, thick, tall, values.getOrElse(digit) { 0f }, color)
            words.color = if (digit == best) loud else quiet
            words.typeface = if (digit == best) Typeface.DEFAULT_BOLD else Typeface.DEFAULT
            canvas.drawText(digit.toString(), middle, tall + words.textSize * 1.4f, words)
        }
    }

    private fun column(
        canvas: Canvas,
        middle: Float,
        thick: Float,
        tall: Float,
        share: Float,
        color: Int,
    ) {
        if (share < 0.005f) return
        val length = maxOf(tall * share, thick)
        box.set(middle - thick / 2, tall - length, middle + thick / 2, tall)
        paint.color = color
        canvas.drawRoundRect(box, thick / 2, thick / 2, paint)
    }

    private companion object {
        const val DIGITS = 10
        const val COLUMN_DP = 56f
        const val SPOKEN = 3
    }
}
