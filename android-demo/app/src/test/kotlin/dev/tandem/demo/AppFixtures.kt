package dev.tandem.demo

import android.app.Activity
import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.net.ConnectivityManager
import android.os.Looper
import android.view.View
import android.view.ViewGroup
import dev.tandem.demo.model.CloudSettings
import dev.tandem.demo.ui.Tab
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import java.io.File
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource

internal val application: DemoApplication get() = RuntimeEnvironment.getApplication() as DemoApplication

/** Lets the main thread work until [condition] holds. The time of the main looper goes on too. */
internal fun eventually(
    what: String,
    patience: Duration = 90.seconds,
    condition: () -> Boolean,
) {
    val began = TimeSource.Monotonic.markNow()
    while (!condition()) {
        if (began.elapsedNow() > patience) throw AssertionError("not in $patience: $what")
        shadowOf(Looper.getMainLooper()).idleFor(10, java.util.concurrent.TimeUnit.MILLISECONDS)
        Thread.sleep(5)
    }
    shadowOf(Looper.getMainLooper()).idleFor(100, java.util.concurrent.TimeUnit.MILLISECONDS)
}

/** The settings as a user before has left them. */
internal fun keep(settings: CloudSettings) {
    dev.tandem.demo.platform
        .PreferencesStore(application)
        .write(settings)
}

/** Takes the network away. */
internal fun networkOff() {
    val connectivity = application.getSystemService(Context.CONNECTIVITY_SERVICE) as ConnectivityManager
    shadowOf(connectivity).setDefaultNetworkActive(false)
    shadowOf(connectivity).setActiveNetworkInfo(null)
}

internal fun MainActivity.open(tab: Tab) {
    findViewById<View>(tab.id)!!.performClick()
}

internal fun Activity.click(id: Int) {
    findViewById<View>(id)!!.performClick()
}

/** Every view that is shown. */
internal fun View.all(): List<View> {
    if (visibility != View.VISIBLE) return emptyList()
    val children = if (this is ViewGroup) (0 until childCount).flatMap { getChildAt(it).all() } else emptyList()
    return listOf(this) + children
}

/** The activity as the user sees it. */
internal fun Activity.picture(): Bitmap {
    val decor = window.decorView
    val metrics = resources.displayMetrics
    val exactly = View.MeasureSpec.EXACTLY
    decor.measure(
        View.MeasureSpec.makeMeasureSpec(metrics.widthPixels, exactly),
        View.MeasureSpec.makeMeasureSpec(metrics.heightPixels, exactly),
    )
    decor.layout(0, 0, metrics.widthPixels, metrics.heightPixels)
    // Scroll bars fade, but not in a picture.
    decor.all().forEach { it.isVerticalScrollBarEnabled = false }
    val bitmap = Bitmap.createBitmap(metrics.widthPixels, metrics.heightPixels, Bitmap.Config.ARGB_8888)
    decor.draw(Canvas(bitmap))
    return bitmap
}

/** Writes the picture as NAME.png and checks that something is on it. */
internal fun Activity.screenshot(name: String) {
    val bitmap = picture()
    val colors = HashSet<Int>()
    for (y in 0 until bitmap.height step 7) {
        for (x in 0 until bitmap.width step 7) colors.add(bitmap.getPixel(x, y))
    }
    if (colors.size < 8) throw AssertionError("the screenshot $name has only ${colors.size} colours")
    val folder = File(System.getProperty("tandem.screenshots")).apply { mkdirs() }
    File(folder, "$name.png").outputStream().use { bitmap.compress(Bitmap.CompressFormat.PNG, 100, it) }
}
