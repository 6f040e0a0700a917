package dev.tandem.demo

import android.widget.ScrollView
import dev.tandem.InferenceMode
import dev.tandem.demo.model.CloudSettings
import dev.tandem.demo.model.Connection
import dev.tandem.demo.model.requireServer
import dev.tandem.demo.ui.Tab
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode

/** Every screen with the real library and the real server, in light and dark, with large text and on its side. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35])
@GraphicsMode(GraphicsMode.Mode.NATIVE)
class ScreenshotTest {
    private fun shoot(
        look: String,
        fontScale: Float = 1f,
    ) {
        RuntimeEnvironment.setFontScale(fontScale)
        keep(CloudSettings(requireServer(), token = "a token that nobody reads", isTrusted = true))
        val activity = Robolectric.buildActivity(MainActivity::class.java).setup().get()
        draw(activity)
        activity.screenshot("draw-$look")
        activity.open(Tab.PLAN)
        plan(activity)
        activity.screenshot("plan-$look")
        scrolled(activity)
        activity.screenshot("plan-below-$look")
        activity.open(Tab.BATCH)
        batch(activity)
        activity.screenshot("batch-$look")
        activity.open(Tab.SETTINGS)
        activity.click(R.id.test)
        eventually("the connection was tested") { activity.models.settings.state.value.connection is Connection.Ready }
        activity.screenshot("settings-$look")
        activity.open(Tab.DRAW)
        scrolled(activity)
        activity.screenshot("draw-below-$look")
        complain(activity)
        activity.finish()
    }

    private fun draw(activity: MainActivity) {
        val model = activity.models.draw
        model.setMode(InferenceMode.PREFER_IN_CLOUD)
        activity.click(R.id.example)
        eventually("the digit was read") { model.state.value.let { it.answer != null && !it.isBusy } }
    }

    private fun plan(activity: MainActivity) {
        val model = activity.models.plan
        eventually("this device was measured") { model.state.value.let { it.chosen != null && !it.isMeasuring } }
        activity.click(R.id.measure)
        eventually("the endpoint was measured") { !model.state.value.isMeasuring }
        model.set { it.copy(serverStep = 12, linkStep = 26, batteryPercent = 35) }
        eventually("it was planned") {
            model.state.value.candidates
                .all { it.predicted != null }
        }
    }

    private fun batch(activity: MainActivity) {
        val model = activity.models.batch
        eventually("the pictures are there") {
            model.state.value.pictures
                .isNotEmpty()
        }
        activity.click(R.id.batch_run)
        eventually("all were read") { model.state.value.let { !it.isRunning && it.done == it.total } }
    }

    private fun scrolled(activity: MainActivity) {
        activity.picture()
        shown(activity).forEach { it.scrollTo(0, it.getChildAt(0).height) }
    }

    private fun shown(activity: MainActivity) =
        activity.window.decorView
            .all()
            .filterIsInstance<ScrollView>()

    /** Nothing that can be touched is too small, and no text is cut off. */
    private fun complain(activity: MainActivity) {
        val density = activity.resources.displayMetrics.density
        for (tab in Tab.entries) {
            activity.open(tab)
            activity.picture()
            val views = activity.window.decorView.all()
            for (view in views.filter { it.isClickable && it.isEnabled && it.width > 0 }) {
                val (wide, tall) = view.width / density to view.height / density
                assertTrue("$tab: $view is $wide by $tall dp", wide >= 44 && tall >= 44)
            }
            for (text in views.filterIsInstance<android.widget.TextView>().filter { it.layout != null }) {
                val cut = (0 until text.layout.lineCount).sumOf { text.layout.getEllipsisCount(it) }
                val tall = text.layout.height <= text.height || text.maxLines < text.layout.lineCount
                assertTrue("$tab: \"${text.text}\" is cut off", cut == 0 && tall)
                val wide = (0 until text.layout.lineCount).maxOf { text.layout.getLineMax(it) }
                val room = text.width - text.compoundPaddingLeft - text.compoundPaddingRight
                val scrolls = text is android.widget.EditText
                assertTrue("$tab: \"${text.text}\" is wider than its place", scrolls || wide <= room + 1)
            }
        }
    }

    @Test
    @Config(qualifiers = "w360dp-h760dp-mdpi")
    fun light() = shoot("light")

    @Test
    @Config(qualifiers = "w360dp-h760dp-night-mdpi")
    fun dark() = shoot("dark")

    @Test
    @Config(qualifiers = "w360dp-h760dp-xhdpi")
    fun largeText() = shoot("large-text", 1.3f)

    @Test
    @Config(qualifiers = "w360dp-h760dp-night-xhdpi")
    fun largestText() = shoot("largest-text", 2f)

    @Test
    @Config(qualifiers = "w760dp-h360dp-land-hdpi")
    fun onItsSide() = shoot("on-its-side")

    @Test
    @Config(qualifiers = "w1280dp-h800dp-land-mdpi")
    fun tablet() = shoot("tablet")
}
