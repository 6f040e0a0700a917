package androidx.test.runner.intent

import android.app.Instrumentation
import android.content.Intent

interface IntentMonitor

interface IntentStubber {
    fun getActivityResultForIntent(intent: Intent): Instrumentation.ActivityResult?
}

class IntentMonitorRegistry private constructor() {
    companion object {
        private var monitor: IntentMonitor? = null

        @JvmStatic
        fun registerInstance(monitor: IntentMonitor?) {
            this.monitor = monitor
        }
    }
}

class IntentStubberRegistry private constructor() {
    companion object {
        @JvmStatic
        fun isLoaded(): Boolean = false

        @JvmStatic
        fun getInstance(): IntentStubber = error("there is none")
    }
}
