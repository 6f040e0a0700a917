package dev.tandem.demo.platform

import android.content.Context
import android.graphics.BitmapFactory
import android.graphics.Color
import android.os.StrictMode
import dev.tandem.demo.model.Assets
import dev.tandem.demo.model.Ink
import dev.tandem.demo.model.Picture
import dev.tandem.demo.model.Pictures

/** The files in the app's package. */
class AndroidAssets(
    context: Context,
) : Assets {
    private val manager = context.applicationContext.assets

    override fun open(path: String) = manager.open(path).also { StrictMode.noteSlowCall("reading the asset $path") }
}

/** The digits among them: `digits/pictures/LABEL-INDEX.png`, 8 by 8, bright ink on a dark ground. */
class BundledPictures(
    context: Context,
) : Pictures {
    private val manager = context.applicationContext.assets

    override fun read(): List<Picture> {
        StrictMode.noteSlowCall("reading the pictures")
        return manager.list(FOLDER).orEmpty().sorted().map { name ->
            val options = BitmapFactory.Options().apply { inScaled = false }
            val bitmap =
                manager
                    .open(
                        "$FOLDER/$name",
                    ).use { checkNotNull(BitmapFactory.decodeStream(it, null, options)) }
            val colors = IntArray(Ink.SIDE * Ink.SIDE)
            bitmap.getPixels(colors, 0, Ink.SIDE, 0, 0, Ink.SIDE, Ink.SIDE)
            Picture(name.substringBefore('-').toInt(), FloatArray(colors.size) { Color.red(colors[it]) / 255f })
        }
    }

    private companion object {
        const val FOLDER = "digits/pictures"
    }
}
