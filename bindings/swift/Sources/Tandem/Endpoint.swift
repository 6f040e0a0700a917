import Foundation

internal import TandemGenerated

/// An Open Inference Protocol v2 server: the cloud, an edge gateway or another phone.
///
/// ```swift
/// var cloud = Endpoint(name: "cloud", url: URL(string: "https://models.example.com")!)
/// cloud.isTrusted = true
/// cloud.token = .provider(session)
/// ```
public struct Endpoint: Sendable {
    /// The name by which decisions and errors call it. Unique in a runtime.
    public var name: String
    /// `http` or `https`, host and optional port; no path.
    public var url: URL
    /// Whether data labelled ``Sensitivity/internal`` may go there.
    public var isTrusted = false
    /// The form in which tensors travel.
    public var wire = WireFormat.auto
    /// The bearer token, or who gives it; `nil` sends none.
    public var token: BearerToken?
    /// How this device and the endpoint know each other.
    public var tls = TLS()
    /// Names of models there, where they differ from the model's own.
    public var models: [String: String] = [:]
    /// Bytes that a request may take; `nil` is 64 MiB.
    public var maxRequestBytes: UInt64?
    /// Bytes that an answer may take; `nil` is 64 MiB.
    public var maxAnswerBytes: UInt64?
    /// How long making a connection may take; `nil` is 5 seconds.
    public var connectTimeout: Duration?
    /// How long an exchange may take where the run has no timeout; `nil` is a minute.
    public var timeout: Duration?

    /// An endpoint that is not trusted, with the wire format probed, no token and the built-in roots.
    ///
    /// - Parameters:
    ///   - name: The name by which decisions and errors call it.
    ///   - url: `http` or `https`, host and optional port; no path.
    public init(name: String, url: URL) {
        self.name = name
        self.url = url
    }
}

/// The form in which tensors travel.
public enum WireFormat: String, Sendable, Hashable, CaseIterable {
    /// Binary where the server lists the extension, else JSON. Asked once per endpoint.
    case auto
    /// Triton's binary tensor extension, whatever the server lists.
    case binary
    /// JSON.
    case json
}

/// How an endpoint is known and how this device makes itself known to it.
public struct TLS: Sendable, Hashable {
    /// PEM certificates to trust instead of the built-in roots.
    public var trustAnchors: String?
    /// PEM certificate chain of this device.
    public var clientCertificate: String?
    /// PEM private key of that certificate.
    public var clientKey: Secret?

    /// The built-in roots, no certificate of this device's, but for what is given.
    ///
    /// - Parameters:
    ///   - trustAnchors: PEM certificates to trust instead of the built-in roots.
    ///   - clientCertificate: PEM certificate chain of this device.
    ///   - clientKey: PEM private key of that certificate.
    public init(trustAnchors: String? = nil, clientCertificate: String? = nil, clientKey: Secret? = nil) {
        self.trustAnchors = trustAnchors
        self.clientCertificate = clientCertificate
        self.clientKey = clientKey
    }
}

extension Endpoint {
    var raw: EndpointConfig {
        let url = self.url.absoluteString
        return EndpointConfig(
            name: name,
            // Foundation writes an empty path as `/`, which is the same to it and a path to others.
            url: url.hasSuffix("/") ? String(url.dropLast()) : url,
            trusted: isTrusted, wire: wire.raw, token: token?.raw, tls: tls.raw, models: models,
            maxRequestBytes: maxRequestBytes, maxAnswerBytes: maxAnswerBytes,
            connectTimeoutMs: connectTimeout?.wholeMilliseconds, timeoutMs: timeout?.wholeMilliseconds)
    }
}

extension WireFormat {
    fileprivate var raw: TandemGenerated.WireFormat {
        switch self {
        case .auto: .auto
        case .binary: .binary
        case .json: .json
        }
    }
}

extension TLS {
    fileprivate var raw: TlsConfig {
        TlsConfig(
            trustAnchorsPem: trustAnchors, clientCertificatePem: clientCertificate, clientKeyPem: clientKey?.text)
    }
}
