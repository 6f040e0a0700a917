package dev.tandem.demo.platform

import android.content.Context
import dev.tandem.demo.model.CloudSettings
import dev.tandem.demo.model.SettingsStore

/** The settings in a file that only this app reads; left out of backups by the manifest, because of the token. */
class PreferencesStore(
    context: Context,
) : SettingsStore {
    private val application = context.applicationContext

    // Not before the first reading, which is away from the main thread.
    private val preferences by lazy { application.getSharedPreferences("settings", Context.MODE_PRIVATE) }

    override fun read() =
        CloudSettings(
            preferences.getString("url", null).orEmpty(),
            preferences.getString("token", null).orEmpty(),
            preferences.getString("trust_anchors", null).orEmpty(),
            preferences.getBoolean("trusted", false),
        )

    override fun write(settings: CloudSettings) {
        preferences
            .edit()
            .putString("url", settings.url)
            .putString("token", settings.token)
            .putString("trust_anchors", settings.trustAnchors)
            .putBoolean("trusted", settings.isTrusted)
            .commit()
    }
}
