internal import TandemGenerated

/// Options of one run.
///
/// ```swift
/// var options = RunOptions()
/// options.mode = .preferInCloud
/// options.sensitivity = .internal
/// options.timeout = .milliseconds(200)
/// ```
public struct RunOptions: Sendable, Hashable {
    /// Where the run may happen.
    public var mode = InferenceMode.auto
    /// How far its data may travel.
    public var sensitivity = Sensitivity.public
    /// Tensors, by name, that are computed on this device only and never leave it, nor anything computed from them: the cloud
    /// is forbidden, and every cut across which something depends on them or behind which they are computed. Inputs,
    /// outputs and, where the model was loaded with its cuts, the tensors inside its graph.
    public var privateTensors: Set<String> = []
    /// What it should be best at.
    public var objective = Objective.balanced
    /// How much an uncertain prediction counts against a placement.
    public var risk = Risk.moderate
    /// Whether a run whose endpoint takes long is also begun on this device; the first answer wins and the other run is
    /// cancelled. Costs energy, and makes slow answers rare.
    public var hedge = false
    /// How long it may take in all, from the call on; `nil` is as long as it takes.
    public var timeout: Duration?
    /// The outputs wanted, in this order; empty is all.
    public var outputs: [String] = []
    /// What happens when the cloud was chosen and cannot be reached.
    public var offline = OfflineBehavior.runLocally
    /// The endpoint to use, by name; `nil` is the first that may be used.
    public var endpoint: String?
    /// A word of the caller's own for logs and statistics. Sent as the request's `id`.
    public var tag: String?

    /// The defaults: the planner decides, public data, balanced, no deadline, all outputs, local when offline.
    public init() {}

    /// The defaults but for what is given.
    ///
    /// - Parameters:
    ///   - mode: Where the run may happen.
    ///   - sensitivity: How far its data may travel.
    ///   - timeout: How long it may take in all.
    ///   - outputs: The outputs wanted, in this order; empty is all.
    ///   - endpoint: The endpoint to use, by name.
    public init(
        mode: InferenceMode = .auto, sensitivity: Sensitivity = .public, timeout: Duration? = nil,
        outputs: [String] = [], endpoint: String? = nil
    ) {
        self.mode = mode
        self.sensitivity = sensitivity
        self.timeout = timeout
        self.outputs = outputs
        self.endpoint = endpoint
    }
}

/// Where a run may happen.
public enum InferenceMode: String, Sendable, Hashable, CaseIterable {
    /// The planner decides.
    case auto
    /// On this device; in the cloud where the device cannot.
    case preferOnDevice = "prefer_on_device"
    /// In the cloud; on this device where the cloud cannot.
    case preferInCloud = "prefer_in_cloud"
    /// On this device or not at all.
    case onlyOnDevice = "only_on_device"
    /// In the cloud or not at all.
    case onlyInCloud = "only_in_cloud"
}

/// How far the data of a run may travel.
public enum Sensitivity: String, Sendable, Hashable, CaseIterable {
    /// To any endpoint.
    case `public`
    /// To endpoints marked trusted, over TLS, only.
    case `internal`
    /// Nowhere: it never leaves the device.
    case `private`
}

/// What a run in mode ``InferenceMode/auto`` should be best at.
public enum Objective: String, Sendable, Hashable, CaseIterable {
    /// The earliest answer.
    case latency
    /// The least energy taken from the battery.
    case energy
    /// The fewest bytes sent.
    case data
    /// A weighing of all three.
    case balanced
}

/// How much an uncertain prediction counts against a placement.
public enum Risk: String, Sendable, Hashable, CaseIterable {
    /// Not at all: the middles are compared, which makes many runs fast on average.
    case neutral
    /// A little.
    case moderate
    /// Fully: the 90th percentiles are compared, which makes slow runs rare.
    case averse
}

/// What a run does when the cloud was chosen and cannot be reached.
public enum OfflineBehavior: String, Sendable, Hashable, CaseIterable {
    /// Fails with ``TandemError/offline(_:)``.
    case fail
    /// Runs on this device, where the mode allows it.
    case runLocally = "run_locally"
}

extension RunOptions {
    /// The options at the boundary, with what is left of the time.
    func raw(until deadline: ContinuousClock.Instant?) -> TandemGenerated.RunOptions {
        TandemGenerated.RunOptions(
            mode: mode.raw, sensitivity: sensitivity.raw, privateTensors: privateTensors.sorted(),
            objective: objective.raw, risk: risk.raw, hedge: hedge,
            timeoutNs: deadline.map { ContinuousClock.now.duration(to: $0).wholeNanoseconds }, outputs: outputs,
            offline: offline.raw, endpoint: endpoint, tag: tag)
    }
}

extension InferenceMode {
    fileprivate var raw: TandemGenerated.InferenceMode {
        switch self {
        case .auto: .auto
        case .preferOnDevice: .preferOnDevice
        case .preferInCloud: .preferInCloud
        case .onlyOnDevice: .onlyOnDevice
        case .onlyInCloud: .onlyInCloud
        }
    }
}

extension Sensitivity {
    fileprivate var raw: TandemGenerated.Sensitivity {
        switch self {
        case .public: .public
        case .internal: .internal
        case .private: .private
        }
    }
}

extension Objective {
    fileprivate var raw: TandemGenerated.Objective {
        switch self {
        case .latency: .latency
        case .energy: .energy
        case .data: .data
        case .balanced: .balanced
        }
    }
}

extension Risk {
    fileprivate var raw: TandemGenerated.Risk {
        switch self {
        case .neutral: .neutral
        case .moderate: .moderate
        case .averse: .averse
        }
    }
}

extension OfflineBehavior {
    fileprivate var raw: TandemGenerated.OfflineBehavior {
        switch self {
        case .fail: .fail
        case .runLocally: .runLocally
        }
    }
}
