package dev.tandem.demo.ui

import android.content.Context
import android.view.LayoutInflater
import android.view.View
import android.view.ViewGroup
import android.widget.AdapterView
import android.widget.ArrayAdapter
import android.widget.LinearLayout
import android.widget.RadioButton
import android.widget.RadioGroup
import android.widget.SeekBar
import android.widget.Spinner
import android.widget.TextView
import dev.tandem.Placement
import dev.tandem.demo.R

/** A screen: a view that follows a model. Its models keep the state, so that views need not. */
abstract class Screen(
    room: ViewGroup,
    layout: Int,
) {
    val view: View =
        LayoutInflater.from(room.context).inflate(layout, room, false).also { it.isSaveFromParentEnabled = false }

    protected val context: Context get() = view.context

    protected fun <T : View> find(id: Int): T = view.part(id)

    protected fun text(
        id: Int,
        vararg values: Any,
    ): String = context.getString(id, *values)

    protected fun texts(id: Int): Array<String> = context.resources.getStringArray(id)
}

/** The view of that id inside this one, which has it. */
fun <T : View> View.part(id: Int): T = requireNotNull(findViewById(id))

/** How a place is called and coloured, everywhere. */
data class PlaceLook(
    val name: String,
    val color: Int,
)

fun Context.look(placement: Placement): PlaceLook =
    when (placement) {
        is Placement.OnDevice -> PlaceLook(getString(R.string.place_device), getColor(R.color.place_device))
        is Placement.InCloud -> PlaceLook(getString(R.string.place_cloud), getColor(R.color.place_cloud))
        is Placement.Split -> PlaceLook(getString(R.string.place_split), getColor(R.color.place_split))
    }

/** Whether texts are so large that what stands side by side is better put one below the other. */
fun Context.hasLargeText(): Boolean = resources.configuration.fontScale > 1.3f

fun Context.dp(value: Float): Float = value * resources.displayMetrics.density

/** A spinner over [items] that tells of what the user picks. */
fun Spinner.choices(
    items: Array<String>,
    picked: (Int) -> Unit,
) {
    adapter = ArrayAdapter(context, R.layout.choice_item, items)
    onItemSelectedListener =
        object : AdapterView.OnItemSelectedListener {
            override fun onItemSelected(
                parent: AdapterView<*>,
                view: View?,
                position: Int,
                id: Long,
            ) = picked(position)

            override fun onNothingSelected(parent: AdapterView<*>) = Unit
        }
}

/** A row of buttons of which one is chosen; a column where texts are large. */
fun RadioGroup.choices(
    items: Array<String>,
    picked: (Int) -> Unit,
) {
    val upright = context.hasLargeText()
    orientation = if (upright) LinearLayout.VERTICAL else LinearLayout.HORIZONTAL
    val inflater = LayoutInflater.from(context)
    items.forEachIndexed { index, item ->
        val button = inflater.inflate(R.layout.segment, this, false) as RadioButton
        button.id = index + 1
        button.text = item
        button.layoutParams =
            if (upright) {
                RadioGroup.LayoutParams(ViewGroup.LayoutParams.MATCH_PARENT, ViewGroup.LayoutParams.WRAP_CONTENT)
            } else {
                RadioGroup.LayoutParams(0, ViewGroup.LayoutParams.WRAP_CONTENT, 1f)
            }
        addView(button)
    }
    setOnCheckedChangeListener { _, id -> if (id > 0) picked(id - 1) }
}

fun RadioGroup.choose(index: Int) = check(index + 1)

/** A named slider with its value as text beside it. */
class Slider(
    private val view: View,
    name: String,
    most: Int,
    moved: (Int) -> Unit,
) {
    val bar: SeekBar = view.part(R.id.slider_bar)
    private val value: TextView = view.part(R.id.slider_value)

    init {
        view.part<TextView>(R.id.slider_name).text = name
        bar.max = most
        bar.contentDescription = name
        bar.setOnSeekBarChangeListener(
            object : SeekBar.OnSeekBarChangeListener {
                override fun onProgressChanged(
                    bar: SeekBar,
                    progress: Int,
                    fromUser: Boolean,
                ) = moved(progress)

                override fun onStartTrackingTouch(bar: SeekBar) = Unit

                override fun onStopTrackingTouch(bar: SeekBar) = Unit
            },
        )
    }

    fun show(
        progress: Int,
        text: String,
    ) {
        bar.progress = progress
        value.text = text
        // What TalkBack says in the place of a percentage.
        if (android.os.Build.VERSION.SDK_INT >= android.os.Build.VERSION_CODES.R) bar.stateDescription = text
    }
}
