package dev.tandem

import kotlin.time.Duration

/** The form in which tensors travel. */
public enum class WireFormat {
    /** Binary where the server lists the extension, else JSON. Asked once per endpoint. */
    AUTO,

    /** Triton's binary tensor extension, whatever the server lists. */
    BINARY,

    /** JSON. */
    JSON,
}

/** Where the bearer token of an endpoint comes from. */
public sealed class EndpointToken {
    /** Always this one. It is not shown in any text. */
    public class Fixed(
        internal val value: String,
    ) : EndpointToken()

    /** From [provider], for every request. Let go when the runtime is closed. */
    public class Provided(
        internal val provider: TokenProvider,
    ) : EndpointToken()
}

/**
 * How an endpoint is known and how this device makes itself known to it.
 *
 * @property trustAnchorsPem PEM certificates to trust instead of the built-in roots.
 * @property clientCertificatePem PEM certificate chain of this device.
 */
public class EndpointTls(
    public val trustAnchorsPem: String? = null,
    public val clientCertificatePem: String? = null,
    internal val clientKeyPem: String? = null,
)

/**
 * An Open Inference Protocol v2 server: the cloud, an edge gateway or another phone. What is `null` is Tandem's default.
 *
 * ```kotlin
 * Endpoint("cloud", "https://models.example.com", token = EndpointToken.Provided { refresh -> session.token(refresh) })
 * ```
 *
 * @property name the name by which decisions and errors call it. Unique in a runtime.
 * @property url `http://` or `https://`, host and optional port; no path.
 * @property isTrusted whether data labelled [Sensitivity.INTERNAL] may go there, which takes `https` besides.
 * @property wire the form in which tensors travel.
 * @property token the bearer token, or whoever gives it.
 * @property tls how the two know each other.
 * @property models names of models there, where they differ from the model's own.
 * @property maxRequestBytes bytes that a request may take; 64 MiB by default.
 * @property maxAnswerBytes bytes that an answer may take; 64 MiB by default.
 * @property connectTimeout how long making a connection may take; 5 s by default.
 * @property timeout how long an exchange may take where the call has no timeout of its own; 60 s by default.
 */
public class Endpoint(
    public val name: String,
    public val url: String,
    public val isTrusted: Boolean = false,
    public val wire: WireFormat = WireFormat.AUTO,
    public val token: EndpointToken? = null,
    public val tls: EndpointTls = EndpointTls(),
    public val models: Map<String, String> = emptyMap(),
    public val maxRequestBytes: Long? = null,
    public val maxAnswerBytes: Long? = null,
    public val connectTimeout: Duration? = null,
    public val timeout: Duration? = null,
) {
    override fun toString(): String = "Endpoint($name, $url)"
}
