import Foundation
import Observation
import Tandem

/// The runtime and the model behind all screens, for the endpoint that is set.
@MainActor
@Observable
public final class DemoSession {
    /// How far loading is.
    public enum State: Sendable, Equatable {
        /// Loading.
        case loading
        /// The model can be run.
        case ready
        /// It cannot be loaded, and why.
        case failed(String)
    }

    /// How far loading is.
    public private(set) var state = State.loading
    /// What is set.
    public private(set) var settings = DemoSettings()
    /// The token that is in use; empty where none is.
    public private(set) var token = ""
    /// Whether the system sees a network.
    public private(set) var isOnline = true
    /// Why the endpoint that is set cannot be used.
    public private(set) var endpointProblem: String?

    private let assets: DemoAssets
    private let file: SettingsFile
    private let tokens: any TokenStore
    private let device: any DeviceStateProvider
    private let cache: CacheOptions
    private var open: Open?
    private var generation = 0

    /// A session that has loaded nothing yet.
    ///
    /// - Parameters:
    ///   - assets: What the app ships.
    ///   - file: Where settings are kept.
    ///   - tokens: Where the token is kept.
    ///   - device: Tells the planner the state of the device.
    ///   - cache: The folder that keeps the compiled networks for the next start.
    public init(
        assets: DemoAssets, file: SettingsFile, tokens: any TokenStore, device: any DeviceStateProvider, cache: URL
    ) {
        self.assets = assets
        self.file = file
        self.tokens = tokens
        self.device = device
        self.cache = CacheOptions(folder: cache)
    }

    /// The model, once it is loaded.
    ///
    /// - Throws: ``DemoError/notReady``.
    public func digits() throws -> DigitModel {
        guard let open else { throw DemoError.notReady }
        return open.digits
    }

    /// The network that the screen Plan is about, once it is loaded too.
    ///
    /// - Throws: ``DemoError/notReady``, and what loading throws.
    public func planning() async throws -> PlanningModel {
        guard let open else { throw DemoError.notReady }
        return try await open.planning.value
    }

    /// The state of the device as it is now.
    nonisolated var deviceState: DeviceState { device.deviceState }

    /// What a banner should say; `nil` where all is well.
    public var notice: String? {
        if !isOnline { return "No network. Everything runs on this device." }
        if let endpointProblem { return "\(endpointProblem) Everything runs on this device." }
        return nil
    }

    /// Loads the model with the settings that were kept. An endpoint that cannot be used is left out, and
    /// ``endpointProblem`` says why.
    public func start() async {
        (settings, token) = await Self.read(file, tokens)
        do {
            try await use(settings, token: token)
        } catch {
            endpointProblem = Words.problem(error)
            do {
                try await use(endpoint: nil)
            } catch {
                state = .failed(Words.problem(error))
            }
        }
    }

    /// Keeps the settings and uses them from now on. What runs ends soon.
    ///
    /// - Throws: ``DemoError/badEndpoint(_:)``, `TandemError` where the runtime refuses them, and what keeping them throws.
    ///   Then everything stays as it was.
    public func keep(_ settings: DemoSettings, token: String) async throws {
        try await use(settings, token: token)
        (self.settings, self.token) = (settings, token)
        try await Self.write(settings, token, file, tokens)
    }

    /// Follows what the system says of the network, until the stream ends.
    public func follow(_ network: AsyncStream<Bool>) async {
        for await isOnline in network { self.isOnline = isOnline }
    }

    /// The bundled pictures.
    ///
    /// - Throws: As ``DemoAssets/pictures()`` does.
    nonisolated func pictures() async throws -> [LabelledPicture] {
        try assets.pictures()
    }

    /// Asks the endpoint of these settings whether it is ready, beside the one in use.
    ///
    /// - Returns: Whether it says so, and how long that took.
    /// - Throws: As ``keep(_:token:)``, and what `Runtime.isReady` throws.
    nonisolated func isReady(_ settings: DemoSettings, token: String) async throws -> (Bool, Duration) {
        guard let endpoint = try settings.endpoint(token: token) else {
            throw DemoError.badEndpoint("There is no address to connect to.")
        }
        let runtime = try Runtime(endpoints: [endpoint])
        defer { runtime.close() }
        let begin = ContinuousClock.now
        let isReady = try await runtime.isReady(DemoSettings.endpointName, timeout: .seconds(5))
        return (isReady, begin.duration(to: .now))
    }

    private func use(_ settings: DemoSettings, token: String) async throws {
        try await use(endpoint: try settings.endpoint(token: token))
        endpointProblem = nil
    }

    /// Replaces runtime and model. Of two at once the later call wins.
    private func use(endpoint: Endpoint?) async throws {
        generation += 1
        let mine = generation
        let new = try await Open(assets, endpoint, device, cache)
        guard mine == generation else { return new.close() }
        open?.close()
        open = new
        state = .ready
    }

    private nonisolated static func read(_ file: SettingsFile, _ tokens: any TokenStore) async -> (DemoSettings, String)
    {
        (file.read(), (try? tokens.read()) ?? "")
    }

    private nonisolated static func write(
        _ settings: DemoSettings, _ token: String, _ file: SettingsFile, _ tokens: any TokenStore
    ) async throws {
        try tokens.write(token)
        try file.write(settings)
    }
}

/// A runtime and the models that it runs.
private struct Open: Sendable {
    let runtime: Runtime
    let digits: DigitModel
    /// Loads while the other screens are there already.
    let planning: Task<PlanningModel, any Error>

    init(
        _ assets: DemoAssets, _ endpoint: Endpoint?, _ device: any DeviceStateProvider, _ cache: CacheOptions
    ) async throws {
        var configuration = RuntimeConfiguration(endpoints: endpoint.map { [$0] } ?? [])
        configuration.deviceState = device
        configuration.cache = cache
        runtime = try Runtime(configuration)
        digits = DigitModel(try await assets.digits.load(in: runtime))
        planning = Task.detached { [runtime] in PlanningModel(try await assets.planning.load(in: runtime)) }
        // The first run prepares the network, and tells the planner how fast this device is.
        let blank = Picture(pixels: [Float](repeating: 0, count: Picture.side * Picture.side))
        _ = try await digits.read(blank, options: RunOptions(mode: .onlyOnDevice))
    }

    func close() {
        runtime.close()
    }
}
