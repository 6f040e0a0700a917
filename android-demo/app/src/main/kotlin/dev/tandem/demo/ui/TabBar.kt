package dev.tandem.demo.ui

import android.util.TypedValue
import android.view.LayoutInflater
import android.view.View
import android.view.ViewGroup
import android.view.accessibility.AccessibilityNodeInfo
import android.widget.ImageView
import android.widget.TextView
import dev.tandem.demo.R

/** The screens of the app. */
enum class Tab(
    val id: Int,
    val title: Int,
    val icon: Int,
) {
    DRAW(R.id.tab_draw, R.string.tab_draw, R.drawable.ic_draw),
    PLAN(R.id.tab_plan, R.string.tab_plan, R.drawable.ic_plan),
    BATCH(R.id.tab_batch, R.string.tab_batch, R.drawable.ic_batch),
    SETTINGS(R.id.tab_settings, R.string.tab_settings, R.drawable.ic_settings),
}

/** A bar of tabs at the bottom. */
class TabBar(
    bar: ViewGroup,
    private val show: (Tab) -> Unit,
) {
    private val views = Tab.entries.associateWith { make(it, bar) }

    var chosen: Tab = Tab.DRAW
        private set

    init {
        views.values.forEach(bar::addView)
    }

    fun choose(tab: Tab) {
        chosen = tab
        views.forEach { (other, view) -> view.isSelected = other == tab }
        show(tab)
    }

    private fun make(
        tab: Tab,
        bar: ViewGroup,
    ): View {
        val view = LayoutInflater.from(bar.context).inflate(R.layout.tab, bar, false)
        view.id = tab.id
        view.part<ImageView>(R.id.tab_icon).setImageResource(tab.icon)
        val text = view.part<TextView>(R.id.tab_text)
        text.setText(tab.title)
        // A bar has no room for texts of twice the size, and TalkBack reads them.
        text.setTextSize(TypedValue.COMPLEX_UNIT_PX, minOf(text.textSize, bar.context.dp(LARGEST_DP)))
        view.contentDescription = text.text
        view.setOnClickListener { choose(tab) }
        view.accessibilityDelegate =
            object : View.AccessibilityDelegate() {
                override fun onInitializeAccessibilityNodeInfo(
                    host: View,
                    info: AccessibilityNodeInfo,
                ) {
                    super.onInitializeAccessibilityNodeInfo(host, info)
                    info.className = "android.widget.TabWidget"
                    info.setCollectionItemInfo(
                        @Suppress("DEPRECATION") // Its successor needs Android 13.
                        AccessibilityNodeInfo.CollectionItemInfo.obtain(0, 1, tab.ordinal, 1, false, host.isSelected),
                    )
                }
            }
        return view
    }

    private companion object {
        const val LARGEST_DP = 16f
    }
}
