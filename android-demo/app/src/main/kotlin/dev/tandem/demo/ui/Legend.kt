package dev.tandem.demo.ui

import android.graphics.drawable.GradientDrawable
import android.view.LayoutInflater
import android.widget.TextView
import dev.tandem.demo.R

/** Makes the children of this a legend: a dot of the colour and a text for each. */
fun Flow.legend(items: List<Pair<Int, String>>) {
    while (childCount > items.size) removeViewAt(childCount - 1)
    while (childCount < items.size) LayoutInflater.from(context).inflate(R.layout.legend, this)
    items.forEachIndexed { index, (color, text) -> (getChildAt(index) as TextView).withDot(color, text) }
}

/** Shows the text behind a dot of the colour. */
fun TextView.withDot(
    color: Int,
    text: String,
) {
    if (this.text.toString() != text) this.text = text
    val size = context.dp(DOT_DP).toInt()
    val dot =
        GradientDrawable().apply {
            shape = GradientDrawable.OVAL
            setColor(color)
            setBounds(0, 0, size, size)
        }
    compoundDrawablePadding = context.dp(8f).toInt()
    setCompoundDrawablesRelative(dot, null, null, null)
}

private const val DOT_DP = 10f
