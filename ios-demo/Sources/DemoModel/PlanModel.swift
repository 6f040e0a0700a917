import Foundation
import Observation
import Tandem

/// The network of a device that the screen Plan makes up.
public enum Link: String, Codable, Sendable, CaseIterable {
    /// The one that is in use, with what was learned of it.
    case present
    /// Wi-Fi of which nothing was learned.
    case wifi
    /// 5G of which nothing was learned.
    case cellular5G
    /// 4G of which nothing was learned.
    case cellular4G
    /// None.
    case none

    fileprivate var kind: NetworkKind? {
        switch self {
        case .present: nil
        case .wifi: .wifi
        case .cellular5G: .cellular5G
        case .cellular4G: .cellular4G
        case .none: NetworkKind.none
        }
    }
}

/// The circumstances that the screen Plan makes up.
public struct Circumstances: Codable, Sendable, Hashable {
    /// What the slider reaches, in Mbit/s.
    static let rates = 0.1...1000.0
    /// How many times as long as was learned a server takes.
    static let loads = 0.1...10.0

    /// The network.
    public var link = Link.present
    /// What the link carries, in Mbit/s.
    public var megabits = 10.0
    /// How many times as long as was learned the server takes.
    public var serverLoad = 1.0
    /// How full the battery is, from 0 to 1.
    public var battery = 0.8
    private var objectiveName = Objective.balanced.rawValue

    /// The present network at 10 Mbit/s, a server as it was, a battery that is rather full.
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

    /// The server's slider, from 0 to 1: equal ways for equal factors.
    public var loadPosition: Double {
        get { Self.position(of: serverLoad, in: Self.loads) }
        set { serverLoad = Self.value(at: newValue, in: Self.loads) }
    }

    /// The device in these circumstances; what they do not name is as it is now.
    func deviceState(now: DeviceState) -> DeviceState {
        var state = now
        state.uplinkBitsPerSecond = UInt64(megabits * 1e6)
        state.downlinkBitsPerSecond = UInt64(megabits * 1e6)
        state.batteryLevel = Float(battery)
        state.isCharging = false
        guard let kind = link.kind else { return state }
        state.network = kind
        state.networkID = "what if: \(kind.rawValue)"
        state.isMetered = false
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
    /// Why there are none, or why measuring failed.
    public private(set) var problem: String?
    /// Whether device and server are being measured.
    public private(set) var isMeasuring = false

    private let session: DemoSession
    private var hasAppeared = false
    private var measuring: Task<Void, Never>?

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

    /// Measures this device, the first time: until then nothing is known of it.
    public func appear() {
        guard !hasAppeared else { return }
        hasAppeared = true
        measure(thereToo: false)
    }

    /// Runs the network here and there, so that the planner knows both, and plans anew.
    public func measure() {
        measure(thereToo: !session.settings.address.isEmpty)
    }

    private func measure(thereToo: Bool) {
        guard measuring == nil else { return }
        isMeasuring = true
        measuring = Task {
            var failure: String?
            do {
                try await session.planning().measure(thereToo: thereToo)
            } catch {
                failure = Words.problem(error)
            }
            await update()
            if let failure { problem = failure }
            (isMeasuring, measuring) = (false, nil)
        }
    }

    /// Waits until nothing is being measured.
    public func settle() async {
        await measuring?.value
    }

    private nonisolated static func rows(
        for circumstances: Circumstances, in session: DemoSession
    ) async throws -> [CandidateRow] {
        var options = RunOptions()
        options.objective = circumstances.objective
        let plan = try await session.planning().plan(
            options, on: circumstances.deviceState(now: session.deviceState), serverLoad: circumstances.serverLoad)
        let candidates = worthShowing(plan)
        let longest = candidates.compactMap { $0.predicted?.latency.p50 }.max() ?? .zero
        let rows = candidates.map { candidate in
            let middle = candidate.predicted?.latency.p50
            return CandidateRow(
                placement: candidate.placement, isChosen: candidate.placement == plan.order.first,
                isAllowed: candidate.isAllowed, reason: Words.reason(candidate.reason), predicted: candidate.predicted,
                fraction: middle.map { longest > .zero ? $0 / longest : 0 } ?? 0)
        }
        return rows.sorted { ($0.isChosen ? 0 : 1, $0.order) < ($1.isChosen ? 0 : 1, $1.order) }
    }

    /// This device, the whole network on the endpoint, and of the cuts the chosen one or else the fastest.
    private nonisolated static func worthShowing(_ plan: Plan) -> [Candidate] {
        let cuts = plan.candidates.filter(\.isSplit)
        // A cut at the inputs computes nothing here, and is no other than the whole network there.
        let real = cuts.filter { ($0.predicted?.parts.head ?? .zero) > .zero }
        let best =
            cuts.first { $0.placement == plan.order.first }
            ?? real.min { ($0.predicted?.latency.p50 ?? .zero) < ($1.predicted?.latency.p50 ?? .zero) } ?? cuts.first
        return plan.candidates.filter { !$0.isSplit } + (best.map { [$0] } ?? [])
    }

    /// What a scene keeps to come back as it was.
    public var snapshot: Data { (try? JSONEncoder().encode(circumstances)) ?? Data() }

    /// Comes back as a snapshot says. What is no snapshot changes nothing.
    public func restore(_ data: Data) {
        if let kept = try? JSONDecoder().decode(Circumstances.self, from: data) { circumstances = kept }
    }
}

extension Candidate {
    fileprivate var isSplit: Bool {
        if case .split = placement { true } else { false }
    }
}

extension CandidateRow {
    /// Those of unknown time come last.
    fileprivate var order: Duration { predicted?.latency.p50 ?? .seconds(1 << 40) }
}
