package dev.tandem.demo

import android.app.Application
import android.content.pm.ApplicationInfo
import android.os.StrictMode
import android.security.NetworkSecurityPolicy
import dev.tandem.DeviceStateProvider
import dev.tandem.android.AndroidDeviceStateProvider
import dev.tandem.demo.model.Engine
import dev.tandem.demo.platform.AndroidAssets
import dev.tandem.demo.platform.BundledPictures
import dev.tandem.demo.platform.PreferencesStore

/** Holds what the whole app shares. Making it loads nothing: the first use of the engine does, on a thread of its own. */
class DemoApplication : Application() {
    val deviceState: DeviceStateProvider by lazy { AndroidDeviceStateProvider(this) }
    val pictures by lazy { BundledPictures(this) }
    val engine by lazy {
        Engine(AndroidAssets(this), PreferencesStore(this), deviceState) { cacheDir.resolve("tandem") }
    }

    override fun onCreate() {
        super.onCreate()
        if (applicationInfo.flags and ApplicationInfo.FLAG_DEBUGGABLE != 0) {
            StrictMode.setThreadPolicy(
                StrictMode.ThreadPolicy
                    .Builder()
                    .detectAll()
                    .penaltyLog()
                    .build(),
            )
        }
    }

    fun isCleartextPermitted(host: String): Boolean =
        NetworkSecurityPolicy.getInstance().isCleartextTrafficPermitted(host)
}
