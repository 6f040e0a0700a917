package dev.tandem.demo.ui

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.graphics.RectF
import android.util.AttributeSet
import android.view.View
import dev.tandem.demo.R
import dev.tandem.demo.model.BatchState
import dev.tandem.demo.model.Ink
import dev.tandem.demo.model.Outcome
import dev.tandem.demo.model.Picture

/** All pictures of a batch, each framed in the colour of the place that read it, or marked where it was read wrong. */
class ThumbnailsView(
    context: Context,
    attributes: AttributeSet?,
) : View(context, attributes) {
    private var pictures: List<Picture> = emptyList()
    private var outcomes: List<Outcome?> = emptyList()
    private var bitmaps: List<Bitmap> = emptyList()
    private val ground = Paint(Paint.ANTI_ALIAS_FLAG).apply { color = context.getColor(R.color.track) }
    private val dots = Paint()
    private val frame =
        Paint(Paint.ANTI_ALIAS_FLAG).apply {
            style = Paint.Style.STROKE
            strokeWidth = context.dp(2.5f)
        }
    private val wrong = context.getColor(R.color.error)
    private val ink = context.getColor(R.color.on_surface)
    private val box = RectF()

    fun show(state: BatchState) {
        if (state.pictures !== pictures) {
            pictures = state.pictures
            bitmaps = pictures.map(::toBitmap)
            requestLayout()
        }
        if (state.outcomes != outcomes) {
            outcomes = state.outcomes
            invalidate()
        }
        val read = outcomes.filterNotNull()
        contentDescription =
            context.getString(
                R.string.batch_thumbnails,
                pictures.size,
                read.count { it.isRight },
                read.count { !it.isRight },
            )
    }

    override fun onMeasure(
        widthSpec: Int,
        heightSpec: Int,
    ) {
        val width = MeasureSpec.getSize(widthSpec)
        val columns = columns(width)
        // Room for as many as there usually are, so that nothing jumps when they come.
        val rows = (maxOf(pictures.size, USUAL) + columns - 1) / columns
        setMeasuredDimension(width, (rows * width / columns.toFloat()).toInt())
    }

    override fun onDraw(canvas: Canvas) {
        val columns = columns(width)
        val cell = width / columns.toFloat()
        val (gap, round) = context.dp(3f) to context.dp(7f)
        for (index in 0 until maxOf(pictures.size, USUAL)) {
            val (x, y) = index % columns * cell to index / columns * cell
            box.set(x + gap, y + gap, x + cell - gap, y + cell - gap)
            canvas.drawRoundRect(box, round, round, ground)
            val bitmap = bitmaps.getOrNull(index) ?: continue
            val outcome = outcomes.getOrNull(index)
            frame.color =
                when {
                    outcome == null -> Color.TRANSPARENT
                    outcome.isRight -> context.look(outcome.placement).color
                    else -> wrong
                }
            canvas.drawRoundRect(box, round, round, frame)
            box.inset(cell * 0.14f, cell * 0.14f)
            canvas.drawBitmap(bitmap, null, box, dots)
        }
    }

    private fun columns(width: Int): Int = if (width > context.dp(480f)) WIDE else NARROW

    private fun toBitmap(picture: Picture): Bitmap {
        val colors =
            IntArray(picture.pixels.size) { (picture.pixels[it] * 255).toInt() shl 24 or (ink and 0xFFFFFF) }
        return Bitmap.createBitmap(colors, Ink.SIDE, Ink.SIDE, Bitmap.Config.ARGB_8888)
    }

    private companion object {
        const val USUAL = 40
        const val NARROW = 8
        const val WIDE = 10
    }
}
