internal import TandemGenerated

/// Where a run happens.
public enum Placement: Sendable, Hashable, CustomStringConvertible {
    /// On this device.
    case onDevice
    /// On the endpoint of that name.
    case inCloud(endpoint: String)

    /// `on device`, or `in cloud (NAME)`.
    public var description: String {
        switch self {
        case .onDevice: "on device"
        case .inCloud(let endpoint): "in cloud (\(endpoint))"
        }
    }
}

/// Why a placement was chosen or not. Stable in every language and over versions.
public enum Reason: String, Sendable, Hashable, CaseIterable {
    /// The mode asks for it.
    case modeRequires = "mode_requires"
    /// The mode prefers it.
    case modePrefers = "mode_prefers"
    /// The mode forbids it.
    case modeForbids = "mode_forbids"
    /// The sensitivity label forbids it.
    case sensitivityForbids = "sensitivity_forbids"
    /// No rule prefers another.
    case `default`
    /// Another candidate comes first.
    case notFirst = "not_first"
    /// The endpoint could not be reached when it was last tried.
    case unreachable
    /// The endpoint failed during this run, and the run went on elsewhere.
    case fallback
}

/// A placement that was considered.
public struct Candidate: Sendable, Hashable {
    /// Where.
    public let placement: Placement
    /// Whether mode and label allow it.
    public let isAllowed: Bool
    /// Why it was chosen or not.
    public let reason: Reason
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
}

/// The decision without the work.
public struct Plan: Sendable, Hashable {
    /// Placements to try in this order: the chosen one, then what may take over when it fails.
    public let order: [Placement]
    /// Everything that was considered.
    public let candidates: [Candidate]
}

extension Placement {
    init(_ raw: TandemGenerated.Placement) {
        switch raw {
        case .onDevice: self = .onDevice
        case .inCloud(let endpoint): self = .inCloud(endpoint: endpoint)
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
        case .`default`: self = .default
        case .notFirst: self = .notFirst
        case .unreachable: self = .unreachable
        case .fallback: self = .fallback
        }
    }
}

extension Candidate {
    init(_ raw: TandemGenerated.Candidate) {
        self.init(placement: Placement(raw.placement), isAllowed: raw.allowed, reason: Reason(raw.reason))
    }
}

extension Decision {
    init(_ raw: TandemGenerated.Decision) {
        self.init(
            placement: Placement(raw.placement), reason: Reason(raw.reason),
            candidates: raw.candidates.map(Candidate.init), fallbackCause: raw.fallbackCause)
    }
}

extension Plan {
    init(_ raw: TandemGenerated.Plan) {
        self.init(order: raw.order.map(Placement.init), candidates: raw.candidates.map(Candidate.init))
    }
}
