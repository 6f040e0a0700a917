import Foundation
import Observation
import Tandem

/// The circumstances that the screen Plan makes up.
public struct Circumstances: Codable, Sendable, Hashable {
    /// What the sliders reach, in Mbit/s.
    static let rates = 0.05...1000.0

    /// What the link carries, in Mbit/s.
    public var megabits = 20.0
    /// How full the battery is, from 0 to 1.
    public var battery = 0.8
    /// Whether the link is cellular; else it is Wi-Fi.
    public var isCellular = false
    private var objectiveName = Objective.balanced.rawValue

    /// Wi-Fi of 20 Mbit/s and a battery that is rather full.
    public init() {}

    /// What a run should be best at.
    public var objective: Objective {
        get { Objective(rawValue: objectiveName) ?? .balanced }
        set { objectiveName = newValue.rawValue }
    }

    /// The link's slider, from 0 to 1: equal ways for equal factors.
    public var linkPosition: Double {
        get { Self.position(of: megabits, in: Self.rates) }
        set { megabits = Self.value(at: newValue, in: Self.rates) }
    }

    var deviceState: DeviceState {
        var state = DeviceState(network: isCellular ? .cellular4G : .wifi)
        // A network of its own, so that what was learned of the real one does not speak.
        state.networkID = "made up \(isCellular) \(megabits)"
        state.uplinkBitsPerSecond = UInt64(megabits * 1e6)
        state.downlinkBitsPerSecond = UInt64(megabits * 1e6)
        state.batteryLevel = Float(battery)
        state.isCharging = false
        return state
    }

    private static func position(of value: Double, in range: ClosedRange<Double>) -> Double {
        log(min(max(value, range.lowerBound), range.upperBound) / range.lowerBound)
            / log(range.upperBound / range.lowerBound)
    }

    private static func value(at position: Double, in range: ClosedRange<Double>) -> Double {
        range.lowerBound * pow(range.upperBound / range.lowerBound, min(max(position, 0), 1))
    }
}

/// A candidate as a bar.
public struct CandidateRow: Sendable, Hashable, Identifiable {
    /// Where.
    public let placement: Placement
    /// Whether it would be tried first.
    public let isChosen: Bool
    /// Whether it may be used at all.
    public let isAllowed: Bool
    /// Why it would, or would not.
    public let reason: String
    /// What it is expected to cost; `nil` where too little is known.
    public let predicted: Predicted?
    /// How long the bar is: the middle of the time, over the longest of all.
    public let fraction: Double

    /// The placement's own text.
    public var id: String { "\(placement)" }
}

/// The screen Plan: what the planner would do in made-up circumstances.
@MainActor
@Observable
public final class PlanModel {
    /// The circumstances.
    public var circumstances = Circumstances()
    /// The candidates, the chosen one first, then by time.
    public private(set) var rows: [CandidateRow] = []
    /// Why there are none.
    public private(set) var problem: String?

    private let session: DemoSession

    /// A screen that has planned nothing yet.
    public init(session: DemoSession) {
        self.session = session
    }

    /// Plans for the present circumstances. Cancelled, it leaves what is there.
    public func update() async {
        do {
            let rows = try await Self.rows(for: circumstances, in: session)
            if !Task.isCancelled { (self.rows, problem) = (rows, nil) }
        } catch {
            if !Task.isCancelled { (rows, problem) = ([], Words.problem(error)) }
        }
    }

    private nonisolated static func rows(
        for circumstances: Circumstances, in session: DemoSession
    ) async throws -> [CandidateRow] {
        var options = RunOptions()
        options.objective = circumstances.objective
        let plan = try await session.digits().plan(
            options, on: circumstances.deviceState)
        let longest = plan.candidates.compactMap { $0.predicted?.latency.p50 }.max() ?? .zero
        let rows = plan.candidates.map { candidate in
            let middle = candidate.predicted?.latency.p50
            return CandidateRow(
                placement: candidate.placement, isChosen: candidate.placement == plan.order.first,
                isAllowed: candidate.isAllowed, reason: Words.reason(candidate.reason), predicted: candidate.predicted,
                fraction: middle.map { longest > .zero ? $0 / longest : 0 } ?? 0)
        }
        return rows.sorted { ($0.isChosen ? 0 : 1, $0.order) < ($1.isChosen ? 0 : 1, $1.order) }
    }

    /// What a scene keeps to come back as it was.
    public var snapshot: Data { (try? JSONEncoder().encode(circumstances)) ?? Data() }

    /// Comes back as a snapshot says. What is no snapshot changes nothing.
    public func restore(_ data: Data) {
        if let kept = try? JSONDecoder().decode(Circumstances.self, from: data) { circumstances = kept }
    }
}

extension CandidateRow {
    /// Those of unknown time come last.
    fileprivate var order: Duration { predicted?.latency.p50 ?? .seconds(1 << 40) }
}
