package dev.tandem.demo.model

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.Assume.assumeTrue
import java.io.File
import kotlin.time.Duration.Companion.seconds

/** The app's files, as they lie in the build's folder. */
internal val fileAssets = Assets { path -> File(System.getProperty("tandem.assets"), path).inputStream() }

/** The URL of a server of both networks and their tails; without one the test is skipped, and says so. */
internal fun requireServer(): String {
    val url = System.getProperty("tandem.test.server").orEmpty()
    assumeTrue("SKIPPED: no server; scripts/test android-demo starts one", url.isNotEmpty())
    return url
}

/** Where nothing listens. */
internal const val NOWHERE = "http://127.0.0.1:1"

/** Settings that live as long as the test. */
internal class MemoryStore(
    var settings: CloudSettings = CloudSettings(),
) : SettingsStore {
    override fun read() = settings

    override fun write(settings: CloudSettings) {
        this.settings = settings
    }
}

internal fun engine(url: String = "") = Engine(fileAssets, MemoryStore(CloudSettings(url)))

/** Runs a test of models, all on one thread, in a scope that ends with it. */
internal fun withModels(test: suspend (CoroutineScope) -> Unit) =
    runBlocking {
        val job = Job()
        try {
            withTimeout(120.seconds) { test(CoroutineScope(this@runBlocking.coroutineContext + job)) }
        } finally {
            job.cancel()
        }
    }

/** Waits until the state is as wanted, and gives it. */
internal suspend fun <T> StateFlow<T>.until(wanted: (T) -> Boolean): T = first(wanted)
