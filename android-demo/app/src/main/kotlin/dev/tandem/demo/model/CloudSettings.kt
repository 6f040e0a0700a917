package dev.tandem.demo.model

import dev.tandem.Endpoint
import dev.tandem.EndpointTls
import dev.tandem.EndpointToken
import java.net.URI
import java.net.URISyntaxException

/** The one endpoint of the app, as it is entered and kept. An empty [url] is none. */
data class CloudSettings(
    val url: String = "",
    val token: String = "",
    val trustAnchors: String = "",
    val isTrusted: Boolean = false,
) {
    /** The host that [url] names; `null` where it names none. */
    val host: String?
        get() =
            try {
                URI(url).host
            } catch (_: URISyntaxException) {
                null
            }

    val isEncrypted: Boolean get() = url.startsWith("https://")

    /** What is wrong with these settings; `null` where nothing is. */
    fun problem(isCleartextPermitted: (host: String) -> Boolean): Problem? {
        val host = host
        return when {
            url.isEmpty() -> null

            !isEncrypted && !url.startsWith("http://") -> Problem.NO_SCHEME

            host == null -> Problem.NO_HOST

            // Tandem's own sockets do not ask the platform, so the app does.
            !isEncrypted && !isCleartextPermitted(host) -> Problem.CLEARTEXT

            trustAnchors.isNotBlank() && "-----BEGIN CERTIFICATE-----" !in trustAnchors -> Problem.NO_CERTIFICATE

            else -> null
        }
    }

    fun toEndpoint(): Endpoint? =
        if (url.isEmpty()) {
            null
        } else {
            Endpoint(
                NAME,
                url,
                isTrusted = isTrusted,
                token = token.ifEmpty { null }?.let(EndpointToken::Fixed),
                tls = EndpointTls(trustAnchors.ifBlank { null }),
            )
        }

    override fun toString(): String = "CloudSettings($url)"

    enum class Problem { NO_SCHEME, NO_HOST, CLEARTEXT, NO_CERTIFICATE }

    companion object {
        /** The name by which decisions call the endpoint. */
        const val NAME = "cloud"
    }
}

/** Keeps the settings. May block. */
interface SettingsStore {
    fun read(): CloudSettings

    fun write(settings: CloudSettings)
}
