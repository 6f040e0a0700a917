package dev.tandem.demo.ui

import android.content.Context
import android.util.AttributeSet
import android.widget.LinearLayout

/** A column that is no wider than is good to read, in the middle of wide screens. */
class Column(
    context: Context,
    attributes: AttributeSet?,
) : LinearLayout(context, attributes) {
    private val start = paddingStart
    private val end = paddingEnd

    override fun onMeasure(
        widthSpec: Int,
        heightSpec: Int,
    ) {
        val spare = (MeasureSpec.getSize(widthSpec) - context.dp(WIDEST_DP).toInt()).coerceAtLeast(0)
        setPaddingRelative(start + spare / 2, paddingTop, end + spare / 2, paddingBottom)
        super.onMeasure(widthSpec, heightSpec)
    }

    private companion object {
        const val WIDEST_DP = 640f
    }
}
