package dev.tandem

import dev.tandem.ffi.logForTest
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.lang.ref.WeakReference
import java.net.InetAddress
import java.net.ServerSocket
import java.util.concurrent.ConcurrentLinkedQueue
import kotlin.concurrent.thread

class CallbackTest {
    private val inputs = mapOf("x" to Tensor.of(floatArrayOf(1f), 1, 1))

    @Test
    fun `a provider's token travels, and is asked for anew when it is refused`() =
        Refusing().use { server ->
            val asked = ConcurrentLinkedQueue<Boolean>()
            val token =
                EndpointToken.Provided { refresh ->
                    asked.add(refresh)
                    if (refresh) "second" else "first"
                }
            withEndpoint(Endpoint("cloud", server.url, token = token)) { model ->
                val failure = failure<TandemException.RemoteFailed> { model.offload(inputs) }
                assertTrue("401" in failure.message.orEmpty(), failure.message)
            }
            assertTrue(asked.contains(false) && asked.contains(true), "asked with $asked")
            assertTrue("Bearer first" in server.tokens && "Bearer second" in server.tokens, "sent ${server.tokens}")
        }

    @Test
    fun `what a provider throws is in the sentence of the error`() =
        Refusing().use { server ->
            val failures: List<() -> String> =
                listOf({ error("signed out") }, { throw AssertionError("broken") }, { throw OutOfMemoryError("full") })
            val sentences = listOf("signed out", "broken", "full")
            for ((fail, sentence) in failures.zip(sentences)) {
                val token = EndpointToken.Provided { fail() }
                withEndpoint(Endpoint("cloud", server.url, token = token)) { model ->
                    val failure = failure<TandemException> { model.offload(inputs) }
                    assertTrue(sentence in failure.message.orEmpty(), failure.message)
                }
            }
        }

    @Test
    fun `a provider that refers to its runtime is let go when the runtime is closed`() {
        val weak = closedCycle()
        eventually("the provider is collected") {
            System.gc()
            weak.get() == null
        }
        assertNull(weak.get())
    }

    /** A runtime and a provider that refer to each other; the runtime is closed. */
    private fun closedCycle(): WeakReference<TokenProvider> =
        runBlocking {
            val provider =
                object : TokenProvider {
                    var runtime: Runtime? = null

                    override fun token(refresh: Boolean) = "$runtime"
                }
            val endpoint = Endpoint("cloud", "http://127.0.0.1:1", token = EndpointToken.Provided(provider))
            val runtime = Tandem.open(RuntimeConfig(listOf(endpoint)))
            provider.runtime = runtime
            // Loaded and never closed by itself: a model must not hold on to the provider either.
            runtime.load(tableModel("identity_f32"))
            runtime.close()
            WeakReference(provider)
        }

    @Test
    fun `records reach the sink once there is one, and there can be only one`() {
        val records = ConcurrentLinkedQueue<String>()
        val level = ConcurrentLinkedQueue<LogLevel>()
        Tandem.logTo(
            { at, target, message ->
                level.add(at)
                records.add("$target: $message")
                error("a sink that fails")
            },
            LogLevel.WARN,
        )
        assertThrows(TandemException.InvalidArgument::class.java) { Tandem.logTo({ _, _, _ -> }) }
        assertThrows(TandemException.InvalidArgument::class.java) { Tandem.logToSystem() }
        withEndpoint(Endpoint("down", "http://127.0.0.1:1")) { model ->
            model.run(inputs, RunOptions(mode = InferenceMode.PREFER_IN_CLOUD)).close()
        }
        assertTrue(records.any { it.startsWith("tandem") && "\"down\"" in it }, "$records")
        assertTrue(level.all { it <= LogLevel.WARN })

        // From a thread of the JVM and from one that only Rust knows.
        for (elsewhere in listOf(false, true)) {
            records.clear()
            logForTest(3u, elsewhere)
            assertEquals(listOf("record 0", "record 1", "record 2"), records.map { it.substringAfter(": ") })
        }
    }

    private fun withEndpoint(
        endpoint: Endpoint,
        test: suspend (Model) -> Unit,
    ) = withRuntime(RuntimeConfig(listOf(endpoint))) { runtime ->
        runtime.load(tableModel("identity_f32")).use { test(it) }
    }

    /** A server that refuses every token. */
    private class Refusing : AutoCloseable {
        private val socket = ServerSocket(0, 50, InetAddress.getLoopbackAddress())
        val tokens = ConcurrentLinkedQueue<String>()
        val url = "http://127.0.0.1:${socket.localPort}"

        init {
            thread(isDaemon = true) {
                while (!socket.isClosed) {
                    val client = runCatching { socket.accept() }.getOrNull() ?: break
                    thread(isDaemon = true) { client.use { answer(it) } }
                }
            }
        }

        private fun answer(client: java.net.Socket) {
            val lines = client.getInputStream().bufferedReader()
            while (true) {
                val line = lines.readLine() ?: return
                if (line.startsWith("authorization:", ignoreCase = true)) tokens.add(line.substringAfter(": "))
                if (line.isEmpty()) break
            }
            val body = "{\"error\":\"no\"}"
            val head = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nConnection: close\r\n"
            client.getOutputStream().write("${head}Content-Length: ${body.length}\r\n\r\n$body".toByteArray())
            client.getOutputStream().flush()
        }

        override fun close() = socket.close()
    }
}
