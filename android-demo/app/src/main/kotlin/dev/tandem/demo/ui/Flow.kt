package dev.tandem.demo.ui

import android.content.Context
import android.util.AttributeSet
import android.view.ViewGroup

/** Puts its children side by side, and on the next line where there is no more room. */
class Flow(
    context: Context,
    attributes: AttributeSet?,
) : ViewGroup(context, attributes) {
    private val gap = context.dp(16f).toInt()
    private val lineGap = context.dp(6f).toInt()

    override fun onMeasure(
        widthSpec: Int,
        heightSpec: Int,
    ) {
        val width = MeasureSpec.getSize(widthSpec)
        measureChildren(MeasureSpec.makeMeasureSpec(width, MeasureSpec.AT_MOST), 0)
        setMeasuredDimension(width, arrange(width) { _, _, _ -> })
    }

    override fun onLayout(
        changed: Boolean,
        left: Int,
        top: Int,
        right: Int,
        bottom: Int,
    ) {
        val width = right - left
        val mirrored = layoutDirection == LAYOUT_DIRECTION_RTL
        arrange(width) { index, x, y ->
            val child = getChildAt(index)
            val from = if (mirrored) width - x - child.measuredWidth else x
            child.layout(from, y, from + child.measuredWidth, y + child.measuredHeight)
        }
    }

    /** Tells where each child goes and gives the height of all. */
    private inline fun arrange(
        width: Int,
        place: (index: Int, x: Int, y: Int) -> Unit,
    ): Int {
        var (x, y, line) = Triple(0, 0, 0)
        for (index in 0 until childCount) {
            val child = getChildAt(index)
            if (child.visibility == GONE) continue
            if (x > 0 && x + child.measuredWidth > width) {
                x = 0
                y += line + lineGap
                line = 0
            }
            place(index, x, y)
            x += child.measuredWidth + gap
            line = maxOf(line, child.measuredHeight)
        }
        return y + line
    }
}
