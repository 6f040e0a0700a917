internal import TandemGenerated

/// The decision without the work.
public struct Plan: Sendable, Hashable {
    /// Placements to try in this order: the chosen one, then what may take over when it fails.
    public let order: [Placement]
    /// Everything that was considered.
    public let candidates: [Candidate]
    /// When a run with ``RunOptions/hedge`` begins on this device too, counted from its start; `nil` where there is nothing
    /// to gain.
    public let hedgeAfter: Duration?
    private let explanation: String
    private let json: String

    /// The chosen candidate.
    public var chosen: Candidate? { order.first.flatMap { self[$0] } }

    /// The candidate of that placement; `nil` where it was not considered.
    public subscript(placement: Placement) -> Candidate? {
        candidates.first { $0.placement == placement }
    }

    /// The decision as text for people: a line for each candidate with its predicted middle and 90th percentile, energy,
    /// bytes, and why it was or was not chosen. Programs read the properties or ``toJSON()``.
    public func explain() -> String { explanation }

    /// The decision as JSON, in the form that Rust and the command line give it too: times in seconds, as numbers.
    public func toJSON() -> String { json }
}

extension Plan {
    init(_ raw: TandemGenerated.Plan) {
        order = raw.order.map(Placement.init)
        candidates = raw.candidates.map(Candidate.init)
        hedgeAfter = raw.hedgeAfterNs.map(Duration.init(nanoseconds:))
        explanation = raw.explanation
        json = raw.json
    }
}
