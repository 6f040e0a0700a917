package dev.tandem.demo

import android.app.Activity
import android.os.Build
import android.os.Bundle
import android.view.View
import android.view.ViewGroup
import android.view.WindowInsets
import dev.tandem.demo.platform.networkAvailability
import dev.tandem.demo.ui.BatchScreen
import dev.tandem.demo.ui.DrawScreen
import dev.tandem.demo.ui.PlanScreen
import dev.tandem.demo.ui.Screen
import dev.tandem.demo.ui.SettingsScreen
import dev.tandem.demo.ui.Tab
import dev.tandem.demo.ui.TabBar
import dev.tandem.demo.ui.part
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch

/** The only activity: a bar of tabs and the screen of the one that is chosen. */
class MainActivity : Activity() {
    /** Ends with this activity; what is to outlive a rotation runs in the models' scope. */
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Main.immediate)
    private val shown = HashMap<Tab, Screen>()
    private lateinit var tabs: TabBar

    lateinit var models: ScreenModels
        private set

    val tab: Tab get() = tabs.chosen

    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        @Suppress("DEPRECATION") // By androidx only, which this app does without.
        models = lastNonConfigurationInstance as ScreenModels? ?: ScreenModels(application as DemoApplication, saved)
        setContentView(R.layout.activity_main)
        val root = window.decorView
        fitInsets(root.part(R.id.root), root.part(R.id.tabs))
        tabs = TabBar(root.part(R.id.tabs), ::show)
        tabs.choose(Tab.entries.firstOrNull { it.name == saved?.getString(TAB) } ?: Tab.DRAW)
        saved?.getInt(SCROLLED)?.let { screen -> shown[tab]?.view?.post { shown[tab]?.view?.scrollY = screen } }
        val offline = root.part<View>(R.id.offline)
        scope.launch {
            networkAvailability(this@MainActivity).collect {
                offline.visibility = if (it) View.GONE else View.VISIBLE
            }
        }
    }

    @Deprecated("By androidx only, which this app does without.")
    override fun onRetainNonConfigurationInstance(): Any = models

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putString(TAB, tab.name)
        state.putInt(SCROLLED, shown[tab]?.view?.scrollY ?: 0)
        models.save(state)
    }

    override fun onDestroy() {
        scope.cancel()
        if (!isChangingConfigurations) models.close()
        super.onDestroy()
    }

    fun show(tab: Tab) {
        val room = window.decorView.part<ViewGroup>(R.id.screens)
        val screen = shown.getOrPut(tab) { make(tab, room).also { room.addView(it.view) } }
        for (other in shown.values) other.view.visibility = if (other === screen) View.VISIBLE else View.GONE
        title = getString(tab.title)
    }

    private fun make(
        tab: Tab,
        room: ViewGroup,
    ): Screen =
        when (tab) {
            Tab.DRAW -> DrawScreen(room, models.draw, scope)
            Tab.PLAN -> PlanScreen(room, models.plan, scope)
            Tab.BATCH -> BatchScreen(room, models.batch, scope)
            Tab.SETTINGS -> SettingsScreen(room, models.settings, scope)
        }

    /** Draws behind the system's bars where the system lets it, and keeps the content clear of them and of the keyboard. */
    private fun fitInsets(
        root: View,
        bar: View,
    ) {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.R) return
        // From Android 15 on it is so whatever is said here.
        @Suppress("DEPRECATION")
        window.setDecorFitsSystemWindows(false)
        val barPadding = bar.paddingBottom
        root.setOnApplyWindowInsetsListener { _, insets ->
            val bars = insets.getInsets(WindowInsets.Type.systemBars() or WindowInsets.Type.displayCutout())
            val keyboard = insets.getInsets(WindowInsets.Type.ime()).bottom
            root.setPadding(bars.left, bars.top, bars.right, (keyboard - bars.bottom).coerceAtLeast(0))
            bar.setPadding(bar.paddingLeft, bar.paddingTop, bar.paddingRight, barPadding + bars.bottom)
            WindowInsets.CONSUMED
        }
    }

    private companion object {
        const val TAB = "tab"
        const val SCROLLED = "scrolled"
    }
}
