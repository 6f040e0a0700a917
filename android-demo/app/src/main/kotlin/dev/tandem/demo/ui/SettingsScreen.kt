package dev.tandem.demo.ui

import android.text.Editable
import android.text.TextWatcher
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.EditText
import android.widget.LinearLayout
import android.widget.Switch
import android.widget.TextView
import dev.tandem.demo.R
import dev.tandem.demo.model.CloudSettings
import dev.tandem.demo.model.Connection
import dev.tandem.demo.model.Figures
import dev.tandem.demo.model.SettingsModel
import dev.tandem.demo.model.SettingsState
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.launch

class SettingsScreen(
    room: ViewGroup,
    private val model: SettingsModel,
    scope: CoroutineScope,
) : Screen(room, R.layout.screen_settings) {
    private val figures = Figures()
    private val problems = texts(R.array.settings_problems)
    private val url: EditText = find(R.id.url)
    private val token: EditText = find(R.id.token)
    private val anchors: EditText = find(R.id.anchors)

    @Suppress("UseSwitchCompatOrMaterialCode") // The platform's own widgets only.
    private val trusted: Switch = find(R.id.trusted)
    private val connection: TextView = find(R.id.connection)

    /** Whether a field changes because the model says so, not the user. */
    private var isShowing = false

    init {
        url.edited { text -> model.edit { it.copy(url = text.trim()) } }
        token.edited { text -> model.edit { it.copy(token = text.trim()) } }
        anchors.edited { text -> model.edit { it.copy(trustAnchors = text) } }
        trusted.setOnCheckedChangeListener { _, isOn -> if (!isShowing) model.edit { it.copy(isTrusted = isOn) } }
        find<View>(R.id.test).setOnClickListener { model.test() }
        find<View>(R.id.save).setOnClickListener { model.save() }
        if (context.hasLargeText()) stackButtons()
        scope.launch { model.state.collect(::show) }
    }

    private fun show(state: SettingsState) {
        isShowing = true
        url.follow(state.form.url) { it.trim() }
        token.follow(state.form.token) { it.trim() }
        anchors.follow(state.form.trustAnchors) { it }
        trusted.isChecked = state.form.isTrusted
        isShowing = false
        val (words, color) = words(state)
        if (connection.text.toString() != words) connection.text = words
        connection.setTextColor(context.getColor(color))
        val isTesting = state.connection is Connection.Testing
        find<Button>(R.id.test).isEnabled = state.isLoaded && !isTesting && state.form.url.isNotEmpty()
        find<Button>(R.id.save).isEnabled = !state.isSaved
    }

    private fun words(state: SettingsState): Pair<String, Int> {
        val problem = state.problem
        val quiet = R.color.on_surface_quiet
        return when (val connection = state.connection) {
            is Connection.Testing -> text(R.string.settings_testing) to quiet
            is Connection.Ready -> text(R.string.settings_ready, figures.time(connection.time)) to R.color.place_device
            is Connection.Unprepared -> text(R.string.settings_unprepared, connection.detail) to R.color.error
            is Connection.Failed -> text(R.string.settings_failed, connection.trouble.detail) to R.color.error
            is Connection.Untested if problem != null -> problems[problem.ordinal] to R.color.error
            is Connection.Untested if state.form == CloudSettings() -> text(R.string.settings_none) to quiet
            is Connection.Untested if !state.isSaved -> text(R.string.settings_unsaved) to quiet
            is Connection.Untested -> text(R.string.settings_untested) to quiet
        }
    }

    /** Puts the buttons one below the other. */
    private fun stackButtons() {
        val buttons: LinearLayout = find(R.id.settings_buttons)
        buttons.orientation = LinearLayout.VERTICAL
        for (index in 0 until buttons.childCount) {
            val width = ViewGroup.LayoutParams.MATCH_PARENT
            val place = LinearLayout.LayoutParams(width, ViewGroup.LayoutParams.WRAP_CONTENT)
            if (index > 0) place.topMargin = context.dp(12f).toInt()
            buttons.getChildAt(index).layoutParams = place
        }
    }

    private fun EditText.edited(told: (String) -> Unit) =
        addTextChangedListener(
            object : TextWatcher {
                override fun afterTextChanged(text: Editable) {
                    if (!isShowing) told(text.toString())
                }

                override fun beforeTextChanged(
                    text: CharSequence,
                    start: Int,
                    count: Int,
                    after: Int,
                ) = Unit

                override fun onTextChanged(
                    text: CharSequence,
                    start: Int,
                    before: Int,
                    count: Int,
                ) = Unit
            },
        )

    /** Shows what the model has; leaves alone what means the same, so that the cursor stays where it is. */
    private fun EditText.follow(
        value: String,
        meaning: (String) -> String,
    ) {
        if (meaning(text.toString()) != value) setText(value)
    }
}
