internal import TandemGenerated

/// Where a run happens.
public enum Placement: Sendable, Hashable, CustomStringConvertible {
    /// On this device.
    case onDevice
    /// On the endpoint of that name.
    case inCloud(endpoint: String)
    /// The head of the graph on this device, its tail on the endpoint of that name; `cut` is the cut's id in the manifest.
    case split(cut: String, endpoint: String)

    /// `on device`, `in cloud (NAME)` or `split at CUT (NAME)`.
    public var description: String {
        switch self {
        case .onDevice: "on device"
        case .inCloud(let endpoint): "in cloud (\(endpoint))"
        case .split(let cut, let endpoint): "split at \(cut) (\(endpoint))"
        }
    }
}

/// Why a placement was chosen or not. Stable in every language and over versions.
public enum Reason: String, Sendable, Hashable, CaseIterable {
    /// The call or the mode asks for it.
    case modeRequires = "mode_requires"
    /// The mode prefers it.
    case modePrefers = "mode_prefers"
    /// The mode forbids it.
    case modeForbids = "mode_forbids"
    /// The sensitivity label forbids it.
    case sensitivityForbids = "sensitivity_forbids"
    /// What would leave the device is a private tensor or computed from one.
    case privateTensor = "private_tensor"
    /// The endpoint does not serve this tail.
    case notDeployed = "not_deployed"
    /// No rule prefers another place.
    case `default`
    /// Another place comes first.
    case notFirst = "not_first"
    /// The network is metered and the request is large.
    case metered
    /// The device has no network.
    case offline
    /// The endpoint did not answer when it was last tried.
    case unreachable
    /// The endpoint failed several times and is left alone for a while.
    case circuitOpen = "circuit_open"
    /// The device is short of memory.
    case lowMemory = "low_memory"
    /// It would probably miss the deadline.
    case deadline
    /// Too little is known of it to predict its cost.
    case unpredicted
    /// It is predicted to serve the objective best.
    case best
    /// It ran here last, and another place is not enough better to switch.
    case hysteresis
    /// It is predicted to take longer.
    case slower
    /// The endpoint is predicted to start cold and to take longer for it.
    case cold
    /// It is predicted to take more energy.
    case moreEnergy = "more_energy"
    /// It would move more bytes over the network.
    case moreData = "more_data"
    /// Time, energy and bytes together are predicted to be worse.
    case worseBalance = "worse_balance"
    /// The place that was chosen first failed.
    case fallback
    /// This device was begun beside the endpoint and answered first.
    case hedge
}

/// A placement that was considered.
public struct Candidate: Sendable, Hashable {
    /// Where.
    public let placement: Placement
    /// Whether mode, label and private tensors allow it.
    public let isAllowed: Bool
    /// Why it was chosen or not.
    public let reason: Reason
    /// What it was expected to cost; `nil` where too little is known to say.
    public let predicted: Predicted?
}

/// Where a run happened and why.
public struct Decision: Sendable, Hashable {
    /// Where it happened.
    public let placement: Placement
    /// Why there.
    public let reason: Reason
    /// Everything that was considered, the chosen one included.
    public let candidates: [Candidate]
    /// What the endpoint said, where the run went on elsewhere because of it.
    public let fallbackCause: String?
    /// What the placement was expected to cost, to stand beside the measured ``Timing``; `nil` where too little was known
    /// to say.
    public let predicted: Predicted?
}

extension Placement {
    init(_ raw: TandemGenerated.Placement) {
        switch raw {
        case .onDevice: self = .onDevice
        case .inCloud(let endpoint): self = .inCloud(endpoint: endpoint)
        case .split(let cut, let endpoint): self = .split(cut: cut, endpoint: endpoint)
        }
    }
}

extension Reason {
    init(_ raw: TandemGenerated.Reason) {
        switch raw {
        case .modeRequires: self = .modeRequires
        case .modePrefers: self = .modePrefers
        case .modeForbids: self = .modeForbids
        case .sensitivityForbids: self = .sensitivityForbids
        case .privateTensor: self = .privateTensor
        case .notDeployed: self = .notDeployed
        case .`default`: self = .default
        case .notFirst: self = .notFirst
        case .metered: self = .metered
        case .offline: self = .offline
        case .unreachable: self = .unreachable
        case .circuitOpen: self = .circuitOpen
        case .lowMemory: self = .lowMemory
        case .deadline: self = .deadline
        case .unpredicted: self = .unpredicted
        case .best: self = .best
        case .hysteresis: self = .hysteresis
        case .slower: self = .slower
        case .cold: self = .cold
        case .moreEnergy: self = .moreEnergy
        case .moreData: self = .moreData
        case .worseBalance: self = .worseBalance
        case .fallback: self = .fallback
        case .hedge: self = .hedge
        }
    }
}

extension Candidate {
    init(_ raw: TandemGenerated.Candidate) {
        self.init(
            placement: Placement(raw.placement), isAllowed: raw.allowed, reason: Reason(raw.reason),
            predicted: raw.predicted.map(Predicted.init))
    }
}

extension Decision {
    init(_ raw: TandemGenerated.Decision) {
        self.init(
            placement: Placement(raw.placement), reason: Reason(raw.reason),
            candidates: raw.candidates.map(Candidate.init), fallbackCause: raw.fallbackCause,
            predicted: raw.predicted.map(Predicted.init))
    }
}
