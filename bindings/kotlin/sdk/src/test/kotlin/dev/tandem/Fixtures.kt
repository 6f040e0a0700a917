package dev.tandem

import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assumptions
import java.io.File
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

/** The conformance table and its models. */
internal val conformance = File(System.getProperty("tandem.conformance.dir"))

/** A model that the table's server has. */
internal fun tableModel(name: String) = ModelSource.File(conformance.resolve("repository/$name/1/model.onnx"))

/** Reads digits of 8 by 8 pixels. */
internal val digits = ModelSource.File(conformance.resolve("../../rust/cli/assets/digits/digits.onnx"))

/** The server of the table's repository, where there is one. */
internal val testServer: String? =
    System.getProperty("tandem.test.server").orEmpty().ifEmpty { System.getenv("TANDEM_TEST_SERVER") }

/** Runs a test with a runtime that is closed at its end. */
internal fun withRuntime(
    config: RuntimeConfig = RuntimeConfig(),
    test: suspend (Runtime) -> Unit,
): Unit = runBlocking { Tandem.open(config).use { test(it) } }

/** Runs a test with a model of the table. */
internal fun withModel(
    source: ModelSource,
    test: suspend (Model) -> Unit,
): Unit = withRuntime { runtime -> runtime.load(source).use { test(it) } }

/** What [block] fails with. */
internal suspend inline fun <reified T : Throwable> failure(block: () -> Unit): T {
    try {
        block()
    } catch (failure: Throwable) {
        if (failure is T) return failure
        throw AssertionError("expected ${T::class.simpleName}, got $failure", failure)
    }
    throw AssertionError("expected ${T::class.simpleName}, got none")
}

/** Waits until [condition] holds. */
internal fun eventually(
    what: String,
    patience: Duration = 60.seconds,
    condition: () -> Boolean,
) {
    val deadline = System.nanoTime() + patience.inWholeNanoseconds
    while (!condition()) {
        assertTrue(System.nanoTime() < deadline, what)
        Thread.sleep(10)
    }
}

/** Bytes of memory that the process has, as the system counts them. */
internal fun residentBytes(): Long {
    val line = File("/proc/self/status").readLines().first { it.startsWith("VmRSS:") }
    return line.filter { it.isDigit() }.toLong() * 1024
}

/** The server's URL; without one the test is skipped, and says so. */
internal fun requireServer(): String {
    Assumptions.assumeTrue(
        testServer != null,
        "SKIPPED: no server; start `tandem serve bindings/conformance/repository` and set TANDEM_TEST_SERVER to its URL",
    )
    return requireNotNull(testServer)
}
