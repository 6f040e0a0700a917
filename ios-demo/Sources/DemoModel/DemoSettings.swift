import Foundation
import Tandem

/// What a user sets. The token is not among it: ``TokenStore`` keeps that.
public struct DemoSettings: Codable, Sendable, Hashable {
    /// The name that decisions call the endpoint by.
    public static let endpointName = "cloud"

    /// Address of a server of the Open Inference Protocol v2; empty stays on this device.
    public var address = ""
    /// PEM certificates to trust instead of the built-in roots; empty trusts those.
    public var trustAnchors = ""
    /// Whether data labelled internal may go there.
    public var isTrusted = false

    /// No endpoint.
    public init() {}

    /// The endpoint that was set.
    ///
    /// - Parameter token: The bearer token; empty sends none.
    /// - Returns: The endpoint; `nil` where none was set.
    /// - Throws: ``DemoError/badEndpoint(_:)`` where the address is none.
    public func endpoint(token: String) throws -> Endpoint? {
        let address = address.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !address.isEmpty else { return nil }
        guard let url = URL(string: address), let scheme = url.scheme?.lowercased(),
            ["http", "https"].contains(scheme),
            let host = url.host(), !host.isEmpty
        else {
            throw DemoError.badEndpoint("“\(address)” is not an address. It looks like https://models.example.com.")
        }
        guard ["", "/"].contains(url.path()), url.query() == nil, url.fragment() == nil else {
            throw DemoError.badEndpoint("The address ends after the host and the port, without “\(url.path())”.")
        }
        var endpoint = Endpoint(name: Self.endpointName, url: url)
        endpoint.isTrusted = isTrusted
        endpoint.connectTimeout = .seconds(3)
        let anchors = trustAnchors.trimmingCharacters(in: .whitespacesAndNewlines)
        if !anchors.isEmpty { endpoint.tls.trustAnchors = anchors }
        let token = token.trimmingCharacters(in: .whitespacesAndNewlines)
        if !token.isEmpty { endpoint.token = .fixed(Secret(token)) }
        return endpoint
    }
}

/// Keeps the settings in a file.
public struct SettingsFile: Sendable {
    private let file: URL

    /// That file, which need not be there yet.
    public init(_ file: URL) {
        self.file = file
    }

    /// What was kept; the defaults where nothing was, or where it cannot be read.
    public func read() -> DemoSettings {
        guard let data = try? Data(contentsOf: file) else { return DemoSettings() }
        return (try? JSONDecoder().decode(DemoSettings.self, from: data)) ?? DemoSettings()
    }

    /// Keeps the settings, whole or not at all.
    ///
    /// - Throws: What writing a file throws.
    public func write(_ settings: DemoSettings) throws {
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try JSONEncoder().encode(settings).write(to: file, options: .atomic)
    }
}
