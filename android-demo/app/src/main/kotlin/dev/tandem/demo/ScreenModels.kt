package dev.tandem.demo

import android.os.Bundle
import dev.tandem.demo.model.BatchModel
import dev.tandem.demo.model.DrawModel
import dev.tandem.demo.model.PlanModel
import dev.tandem.demo.model.SettingsModel
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel

/**
 * The models of all screens: what is kept while the activity is made anew. A rotation keeps the object and all that runs in
 * it; after the death of the process it is made from [saved].
 */
class ScreenModels(
    application: DemoApplication,
    saved: Bundle?,
) {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Main.immediate)
    private val engine = application.engine

    val draw = DrawModel(engine, scope, saved.of("draw"))
    val plan = PlanModel(engine, application.deviceState, scope, saved.of("plan"))
    val batch = BatchModel(engine, application.pictures, scope, saved.of("batch"))
    val settings = SettingsModel(engine, application::isCleartextPermitted, scope, saved.of("settings"))

    fun save(into: Bundle) {
        into.put("draw", draw.saveState())
        into.put("plan", plan.saveState())
        into.put("batch", batch.saveState())
        into.put("settings", settings.saveState())
    }

    /** Stops all that runs. The engine stays for the next activity. */
    fun close() {
        scope.cancel()
    }

    private companion object {
        fun Bundle?.of(name: String): Map<String, String> {
            val values = this?.getBundle(name) ?: return emptyMap()
            return values.keySet().associateWith { values.getString(it).orEmpty() }
        }

        fun Bundle.put(
            name: String,
            values: Map<String, String>,
        ) = putBundle(name, Bundle().also { bundle -> values.forEach(bundle::putString) })
    }
}
