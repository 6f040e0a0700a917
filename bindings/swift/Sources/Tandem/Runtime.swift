import Foundation

internal import TandemGenerated

/// Owner of configuration, endpoints, threads and what runs. Create one and share it.
///
/// ```swift
/// let runtime = try Runtime(endpoints: [Endpoint(name: "cloud", url: url)])
/// let model = try await runtime.load(.asset("digits.onnx"))
/// ```
///
/// Calls that take long are `async`. They run on a bounded number of threads of the runtime's own; further ones wait in
/// line, in order. Cancelling the task ends a call soon with ``TandemError/cancelled(_:)``, in line or under way.
///
/// Without endpoints a runtime opens no socket.
public final class Runtime: Sendable {
    let raw: TandemGenerated.Runtime
    /// For what computes: as many threads as help.
    let computing: CallLane
    /// For what may wait for an endpoint: apart, so that a silent server does not keep the device from computing.
    let exchanging: CallLane

    /// A runtime of this configuration.
    ///
    /// - Parameter configuration: Endpoints and bounds.
    /// - Throws: ``TandemError/invalidArgument(_:)`` where two endpoints share a name, where one, a setting of the planner or
    ///   the number of threads makes no sense, where the cache's folder is no file URL, or where the estimates are damaged or of
    ///   another version.
    public init(_ configuration: RuntimeConfiguration) throws {
        raw = try TandemError.translating {
            try TandemGenerated.Runtime(
                config: TandemGenerated.RuntimeConfig(
                    endpoints: configuration.endpoints.map(\.raw),
                    deviceState: configuration.deviceState.map(DeviceStateBridge.init),
                    planner: TandemGenerated.PlannerSettings(
                        probes: configuration.planner.probes, overrides: configuration.planner.overrides),
                    estimates: configuration.estimates,
                    threads: Int32(clamping: configuration.threads),
                    cache: try configuration.cache?.raw()))
        }
        computing = CallLane(name: "dev.tandem.computing", limit: configuration.maxLocalCalls)
        exchanging = CallLane(name: "dev.tandem.exchanging", limit: configuration.maxRemoteCalls)
    }

    /// A runtime with these endpoints and the default bounds.
    ///
    /// - Parameter endpoints: The endpoints; those that come first are preferred.
    /// - Throws: ``TandemError/invalidArgument(_:)`` where two endpoints share a name, or one makes no sense.
    public convenience init(endpoints: [Endpoint] = []) throws {
        try self.init(RuntimeConfiguration(endpoints: endpoints))
    }

    /// Loads a model: reads, checks and prepares it.
    ///
    /// Ends soon after the task is cancelled, the options' timeout has passed, or the runtime is closed: between two steps of
    /// the load.
    ///
    /// - Parameters:
    ///   - source: Where the model comes from.
    ///   - options: Limits, expectations and a timeout.
    /// - Returns: The model.
    /// - Throws: ``TandemError``: `modelNotFound`, `invalidModel`, `integrityMismatch`, `unsupportedOperator`,
    ///   `resourceLimit`, `invalidArgument`, `cancelled`, `deadlineExceeded`, `closed`.
    public func load(_ source: ModelSource, options: LoadOptions = LoadOptions()) async throws -> Model {
        let cancel = CancelToken()
        let deadline = options.timeout.map { ContinuousClock.now + $0 }
        return try await computing.run(until: deadline, interrupt: cancel.interrupt) { [self] in
            try TandemError.translating {
                let left = deadline.map { ContinuousClock.now.duration(to: $0).wholeNanoseconds }
                let model = try source.load(in: raw, try options.raw(timeout: left), cancel)
                return Model(model, ModelInfo(try model.info()), in: self)
            }
        }
    }

    /// The same tensor in the engine's own memory, with one copy made now, so that runs that take it do not copy it.
    ///
    /// Worth it for a tensor that goes into several runs. A prediction's output needs it not: it is there already.
    ///
    /// - Parameter tensor: The tensor.
    /// - Returns: A tensor that is equal to it.
    /// - Throws: ``TandemError/resourceLimit(_:)`` where there is no room.
    public func prepare(_ tensor: Tensor) throws -> Tensor {
        guard case .memory = tensor.elements else { return tensor }
        return try TandemError.translating {
            let handle = try tensor.handle(in: raw)
            let view = try handle.view()
            let span = try NativeSpan(address: view.address, byteCount: view.byteLen)
            return Tensor(tensor.dtype, tensor.shape, .memory(TensorMemory(tensor: handle, span: span)))
        }
    }

    /// Asks an endpoint whether it is ready. The only call that contacts one without a run.
    ///
    /// - Parameters:
    ///   - endpoint: Its name.
    ///   - timeout: How long that may take; `nil` is as long as the endpoint's own timeout.
    /// - Returns: Whether it answered that it is ready.
    /// - Throws: ``TandemError``: `invalidArgument` where there is no such endpoint, `offline`, `remoteFailed`,
    ///   `deadlineExceeded`, `cancelled`, `closed`.
    public func isReady(_ endpoint: String, timeout: Duration? = nil) async throws -> Bool {
        let cancel = CancelToken()
        let deadline = timeout.map { ContinuousClock.now + $0 }
        return try await exchanging.run(until: deadline, interrupt: cancel.interrupt) { [raw] in
            try TandemError.translating {
                let left = deadline.map { ContinuousClock.now.duration(to: $0).wholeNanoseconds }
                return try raw.isReady(endpoint: endpoint, timeoutNs: left, cancel: cancel)
            }
        }
    }

    /// How planned runs were placed since the runtime was made, and how good the predictions were.
    ///
    /// - Returns: The counts.
    /// - Throws: ``TandemError/internal(_:)`` for a defect only.
    public func statistics() throws -> Statistics {
        try TandemError.translating { Statistics(try raw.statistics()) }
    }

    /// What the planner has learned, as JSON of some kilobytes, for ``RuntimeConfiguration/estimates`` of a later start.
    ///
    /// - Returns: JSON that names endpoints, models' digests and networks as the app does; nothing of inputs or outputs.
    /// - Throws: ``TandemError/internal(_:)`` for a defect only.
    public func estimates() throws -> String {
        try TandemError.translating { try raw.estimates() }
    }

    /// Closes the runtime and its models, and lets go of the providers. Safe while calls run: they end soon with
    /// ``TandemError/closed(_:)``, as further ones do. Closing again does nothing.
    ///
    /// A runtime that nothing refers to any more is freed without it; but a token provider that refers to its runtime
    /// keeps both alive until the runtime is closed.
    public func close() {
        // Fails only for a defect, of which nobody who closes can make anything.
        try? raw.shutDown()
    }
}

/// Configuration of a ``Runtime``.
public struct RuntimeConfiguration: Sendable {
    /// The endpoints; those that come first are preferred.
    public var endpoints: [Endpoint]
    /// How many calls compute on this device at once: loading, predicting, profiling. At least 1.
    public var maxLocalCalls = max(2, ProcessInfo.processInfo.activeProcessorCount)
    /// How many calls that may use an endpoint are under way at once. At least 1.
    public var maxRemoteCalls = 16
    /// Tells what state the device is in, so that plans fit it; `nil` leaves it unknown. Held until ``Runtime/close()``.
    public var deviceState: (any DeviceStateProvider)?
    /// What the planner weighs, and whether it may probe endpoints.
    public var planner = PlannerSettings()
    /// What ``Runtime/estimates()`` of an earlier runtime returned: the planner goes on from there, aged by the time that
    /// has passed since. A runtime is refused where it is damaged or of another version; make one without it then.
    public var estimates: String?
    /// How many threads a run on this device shares its work over, from 1 to 64. More than 1 answers one call sooner, with
    /// the same result bit for bit; it does not let more calls run at once. Beyond the number of big cores it seldom helps.
    /// A load of 4 MiB or more has one thread beside its own, for the model's digest, whatever this says.
    public var threads = 1
    /// Where compiled models are kept for a later load; `nil` keeps none.
    public var cache: CacheOptions?

    /// The default bounds: as many local calls as there are processors, and 16 that may use an endpoint.
    ///
    /// - Parameter endpoints: The endpoints; those that come first are preferred.
    public init(endpoints: [Endpoint] = []) {
        self.endpoints = endpoints
    }
}

/// Settings of the planner.
public struct PlannerSettings: Sendable, Hashable {
    /// Whether the planner may ask the configured endpoints small questions over zeros, beside requests of the app and
    /// within a budget, so that it notices when a link has become good again.
    public var probes: Bool
    /// JSON that replaces further settings, named as in the Rust type `PlannerSettings`, times in seconds:
    /// `{"energy": {"compute_watts": 3.1}}`.
    public var overrides: String?

    /// The default settings.
    ///
    /// - Parameters:
    ///   - probes: Whether endpoints may be probed.
    ///   - overrides: JSON that replaces further settings.
    public init(probes: Bool = true, overrides: String? = nil) {
        self.probes = probes
        self.overrides = overrides
    }
}

extension CancelToken {
    /// Cancels. Fails only for a defect, and then the call runs to its end.
    func interrupt() {
        try? cancel()
    }
}
