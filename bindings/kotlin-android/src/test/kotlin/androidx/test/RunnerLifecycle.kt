package androidx.test.runner.lifecycle

import android.app.Activity

enum class Stage { PRE_ON_CREATE, CREATED, STARTED, RESUMED, PAUSED, STOPPED, RESTARTED, DESTROYED }

enum class ApplicationStage { PRE_ON_CREATE, CREATED }

interface ActivityLifecycleCallback

interface ActivityLifecycleMonitor {
    fun getLifecycleStageOf(activity: Activity): Stage
}

interface ApplicationLifecycleMonitor

class ActivityLifecycleMonitorRegistry private constructor() {
    companion object {
        private var monitor: ActivityLifecycleMonitor? = null

        @JvmStatic
        fun registerInstance(monitor: ActivityLifecycleMonitor?) {
            this.monitor = monitor
        }

        @JvmStatic
        fun getInstance(): ActivityLifecycleMonitor = checkNotNull(monitor)
    }
}

class ApplicationLifecycleMonitorRegistry private constructor() {
    companion object {
        private var monitor: ApplicationLifecycleMonitor? = null

        @JvmStatic
        fun registerInstance(monitor: ApplicationLifecycleMonitor?) {
            this.monitor = monitor
        }
    }
}
