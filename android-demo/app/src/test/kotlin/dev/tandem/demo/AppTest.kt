package dev.tandem.demo

import android.content.res.Configuration
import android.os.Bundle
import android.os.StrictMode
import android.view.MotionEvent
import android.view.View
import android.widget.EditText
import android.widget.ImageView
import android.widget.SeekBar
import android.widget.TextView
import dev.tandem.InferenceMode
import dev.tandem.Placement
import dev.tandem.Reason
import dev.tandem.Tandem
import dev.tandem.demo.model.CloudSettings
import dev.tandem.demo.model.NOWHERE
import dev.tandem.demo.model.requireServer
import dev.tandem.demo.ui.InkView
import dev.tandem.demo.ui.Tab
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotSame
import org.junit.Assert.assertSame
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config
import kotlin.time.TimeSource

/** The app as its user meets it, with the real library. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35], qualifiers = "w360dp-h760dp-xhdpi")
class AppTest {
    private fun launch(saved: Bundle? = null) =
        Robolectric
            .buildActivity(MainActivity::class.java)
            .create(saved)
            .start()
            .also {
                if (saved != null) it.restoreInstanceState(saved)
            }.postCreate(saved)
            .resume()
            .visible()

    private fun MainActivity.answered() = eventually("the digit was read") { isAnswered() }

    private fun MainActivity.isAnswered() =
        models.draw.state.value
            .let { it.answer != null && !it.isBusy }

    private fun MainActivity.shownText(id: Int) = findViewById<TextView>(id)!!.text.toString()

    @Test
    fun `the activity starts`() {
        // The library is loaded by then, as it is when a user comes back to the app.
        runBlocking { Tandem.open().close() }
        val began = TimeSource.Monotonic.markNow()
        val activity = launch().get()
        println("the activity started in ${began.elapsedNow()}")
        assertEquals(Tab.DRAW, activity.tab)
    }

    @Test
    fun `a finger draws a digit and it is read`() {
        val activity = launch().get()
        activity.picture()
        val canvas = activity.findViewById<InkView>(R.id.ink)!!
        val left = (canvas.width - canvas.height) / 2f
        val touch = { action: Int, y: Float ->
            val event = MotionEvent.obtain(0, 0, action, left + canvas.height / 2f, y * canvas.height, 0)
            assertTrue(canvas.dispatchTouchEvent(event))
            event.recycle()
        }
        touch(MotionEvent.ACTION_DOWN, 0.1f)
        for (step in 2..9) touch(MotionEvent.ACTION_MOVE, step / 10f)
        touch(MotionEvent.ACTION_UP, 0.9f)
        activity.answered()
        assertEquals("1", activity.shownText(R.id.digit))
        assertTrue("1" in activity.findViewById<View>(R.id.verdict)!!.contentDescription)
        activity.click(R.id.clear)
        eventually("it is gone") { activity.shownText(R.id.certainty) == activity.getString(R.string.draw_waiting) }
    }

    @Test
    fun `what was compiled is kept in the app's cache`() {
        val activity = launch().get()
        activity.click(R.id.example)
        activity.answered()
        val kept =
            application.cacheDir
                .resolve("tandem")
                .list()
                .orEmpty()
        assertTrue(kept.joinToString(), kept.any { it.endsWith(".plan") })
    }

    @Test
    fun `a rotation keeps what runs and what is shown`() {
        val controller = launch()
        val before = controller.get()
        before.click(R.id.example)
        before.answered()
        before.open(Tab.PLAN)
        val turned = Configuration(before.resources.configuration)
        turned.orientation = Configuration.ORIENTATION_LANDSCAPE
        RuntimeEnvironment.setQualifiers("+land")
        controller.configurationChange(turned)
        val after = controller.get()
        assertNotSame(before, after)
        assertSame(before.models, after.models)
        assertEquals(Tab.PLAN, after.tab)
        after.open(Tab.DRAW)
        eventually("the answer is shown") { after.shownText(R.id.digit) == "3" }
    }

    @Test
    fun `the end of the process keeps what was entered`() {
        val controller = launch()
        val before = controller.get()
        before.click(R.id.example)
        before.models.draw.setMode(InferenceMode.ONLY_ON_DEVICE)
        before.answered()
        before.models.plan.set { it.copy(linkStep = 7, batteryPercent = 11) }
        before.models.batch.setRounds(100)
        before.open(Tab.SETTINGS)
        eventually("the settings were read") { before.models.settings.state.value.isLoaded }
        before.findViewById<EditText>(R.id.url)!!.setText("https://models.example.com")
        val saved = Bundle()
        controller
            .pause()
            .stop()
            .saveInstanceState(saved)
            .destroy()
        // What the system keeps is bytes, not objects.
        val parcel = android.os.Parcel.obtain()
        parcel.writeBundle(saved)
        parcel.setDataPosition(0)
        val kept = checkNotNull(parcel.readBundle(javaClass.classLoader))
        val after = launch(kept).get()
        assertNotSame(before.models, after.models)
        assertEquals(Tab.SETTINGS, after.tab)
        assertEquals("https://models.example.com", after.findViewById<EditText>(R.id.url)!!.text.toString())
        after.open(Tab.DRAW)
        after.answered()
        assertEquals(
            3,
            after.models.draw.state.value.answer
                ?.digit,
        )
        assertEquals(InferenceMode.ONLY_ON_DEVICE, after.models.draw.state.value.mode)
        assertEquals(7, after.models.plan.state.value.circumstances.linkStep)
        assertEquals(100, after.models.batch.state.value.rounds)
    }

    @Test
    fun `without a network it says so and works`() {
        networkOff()
        keep(CloudSettings(NOWHERE))
        val activity = launch().get()
        eventually("it is said") { activity.findViewById<View>(R.id.offline)!!.visibility == View.VISIBLE }
        activity.models.draw.setMode(InferenceMode.PREFER_IN_CLOUD)
        activity.click(R.id.example)
        activity.answered()
        assertEquals(
            Placement.OnDevice,
            activity.models.draw.state.value.answer
                ?.placement,
        )
        assertEquals(Reason.OFFLINE, activity.cloudReason())
        activity.open(Tab.BATCH)
        eventually("the pictures are there") { activity.models.batch.state.value.pictures.size == 40 }
        activity.click(R.id.batch_run)
        eventually("all are read") {
            activity.models.batch.state.value
                .let { !it.isRunning && it.done == it.total }
        }
        assertEquals(activity.models.batch.state.value.total, activity.models.batch.state.value.onDevice)
    }

    private fun MainActivity.cloudReason(): Reason? {
        open(Tab.PLAN)
        eventually("it was planned") {
            models.plan.state.value
                .let { it.chosen != null && !it.isMeasuring }
        }
        return models.plan.state.value.candidates
            .first { it.placement is Placement.InCloud }
            .reason
    }

    @Test
    fun `a batch is cancelled by its button`() {
        val activity = launch().get()
        activity.open(Tab.BATCH)
        val model = activity.models.batch
        eventually("the pictures are there") {
            model.state.value.pictures
                .isNotEmpty()
        }
        model.setRounds(100)
        activity.click(R.id.batch_run)
        eventually("it runs") { activity.shownText(R.id.batch_run) == activity.getString(R.string.batch_cancel) }
        activity.click(R.id.batch_run)
        eventually("it stopped") { !model.state.value.isRunning }
        assertTrue(model.state.value.isCancelled)
        assertTrue(model.state.value.done < model.state.value.total)
        eventually(
            "the button says so",
        ) { activity.shownText(R.id.batch_run) == activity.getString(R.string.batch_run) }
    }

    @Test
    fun `moving the sliders moves the choice`() {
        keep(CloudSettings(requireServer()))
        val activity = launch().get()
        activity.open(Tab.PLAN)
        val model = activity.models.plan
        eventually("this device is known") { model.state.value.let { it.chosen != null && !it.isMeasuring } }
        activity.click(R.id.measure)
        eventually("the endpoint is known") { !model.state.value.isMeasuring }
        val load = activity.findViewById<View>(R.id.server_load)!!.findViewById<SeekBar>(R.id.slider_bar)!!
        load.progress = 0
        eventually("the endpoint is chosen") { model.state.value.chosen != Placement.OnDevice }
        load.progress = load.max
        eventually("this device is chosen") { model.state.value.chosen == Placement.OnDevice }
        val chosen = activity.getString(R.string.place_device)
        eventually("it is shown") { activity.shownText(R.id.decision) == chosen }
    }

    @Test
    fun `nothing blocks the main thread`() {
        val violations = ArrayList<Throwable>()
        val before = StrictMode.getThreadPolicy()
        StrictMode.setThreadPolicy(
            StrictMode.ThreadPolicy
                .Builder()
                .detectAll()
                .penaltyListener(Runnable::run) { violations.add(it) }
                .build(),
        )
        try {
            StrictMode.noteSlowCall("this test")
            eventually("the policy sees what is slow") { violations.isNotEmpty() }
            violations.clear()
            val activity = launch().get()
            activity.click(R.id.example)
            activity.answered()
            for (tab in Tab.entries) activity.open(tab)
            eventually("the pictures are there") {
                activity.models.batch.state.value.pictures
                    .isNotEmpty()
            }
            eventually("it was planned") { activity.models.plan.state.value.chosen != null }
            activity.models.settings.edit { it.copy(url = NOWHERE) }
            activity.click(R.id.save)
            eventually("it was saved") { activity.models.settings.state.value.isSaved }
            assertEquals(violations.joinToString("\n") { it.stackTraceToString() }, 0, violations.size)
        } finally {
            StrictMode.setThreadPolicy(before)
        }
    }

    @Test
    fun `everything that TalkBack stops at has words`() {
        val activity = launch().get()
        activity.click(R.id.example)
        activity.answered()
        for (tab in Tab.entries) {
            activity.open(tab)
            activity.picture()
            for (view in activity.window.decorView.all()) {
                val stops = view.isClickable || view.isFocusable || view is ImageView
                val isSilent = view.importantForAccessibility == View.IMPORTANT_FOR_ACCESSIBILITY_NO
                if (!stops || isSilent || view is android.widget.ScrollView ||
                    view is android.widget.RadioGroup
                ) {
                    continue
                }
                val label = (view.parent as? android.view.ViewGroup)?.labelOf(view)
                val own = (view as? TextView)?.let { it.text.ifEmpty { it.hint } }
                val words = listOfNotNull(view.contentDescription, own, label)
                assertTrue("$tab: nothing is said of $view", words.any { it.isNotBlank() })
            }
        }
        val live = listOf(R.id.offline, R.id.verdict, R.id.decision, R.id.batch_status, R.id.connection)
        for (id in live) {
            assertEquals(
                View.ACCESSIBILITY_LIVE_REGION_POLITE,
                activity.findViewById<View>(id)!!.accessibilityLiveRegion,
            )
        }
    }

    private fun android.view.ViewGroup.labelOf(view: View): CharSequence? =
        all().filterIsInstance<TextView>().firstOrNull { it.labelFor == view.id }?.text
}
