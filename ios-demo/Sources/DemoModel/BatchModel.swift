import Foundation
import Observation
import Tandem

/// How far a batch is.
public struct BatchProgress: Sendable, Hashable {
    /// Pictures that will be read.
    public let total: Int
    /// Pictures that were read.
    public fileprivate(set) var done = 0
    /// Those of them that were read right.
    public fileprivate(set) var right = 0
    /// How many were read in each place.
    public fileprivate(set) var places: [Placement: Int] = [:]
    /// Since the first picture.
    public fileprivate(set) var elapsed = Duration.zero

    /// From 0 to 1.
    public var fraction: Double { total > 0 ? Double(done) / Double(total) : 0 }
    /// The share that was read right; `nil` before the first.
    public var accuracy: Double? { done > 0 ? Double(right) / Double(done) : nil }
    /// Pictures in a second; `nil` before the first.
    public var throughput: Double? {
        let seconds = elapsed / .seconds(1)
        return done > 0 && seconds > 0 ? Double(done) / seconds : nil
    }
}

/// The screen Batch: all bundled pictures, one round after another.
@MainActor
@Observable
public final class BatchModel {
    /// How a batch ends.
    public enum End: Sendable, Equatable {
        /// Every picture was read.
        case finished
        /// The user stopped it.
        case cancelled
        /// A picture could not be read, and why.
        case failed(String)
    }

    /// How often every picture is read.
    public var rounds = 25
    /// Where pictures may be read.
    public var mode = InferenceMode.auto
    /// How far the batch is, or was when it ended; `nil` before the first.
    public private(set) var progress: BatchProgress?
    /// How the last batch ended; `nil` while one runs.
    public private(set) var end: End?

    private let session: DemoSession
    private var running: Task<Void, Never>?

    /// A screen that has run nothing yet.
    public init(session: DemoSession) {
        self.session = session
    }

    /// Whether a batch runs.
    public var isRunning: Bool { running != nil }

    /// Starts a batch, unless one runs.
    public func start() {
        guard running == nil else { return }
        (progress, end) = (nil, nil)
        let (rounds, options) = (min(max(rounds, 1), 1000), RunOptions(mode: mode))
        running = Task {
            // Where reading is faster than showing, only the newest is shown.
            let (updates, sink) = AsyncStream.makeStream(of: BatchProgress.self, bufferingPolicy: .bufferingNewest(1))
            async let ended = Self.run(rounds: rounds, options, session, sink)
            for await progress in updates { self.progress = progress }
            (progress, end) = await ended
            running = nil
        }
    }

    /// Stops the batch that runs. What was counted stays.
    public func cancel() {
        running?.cancel()
    }

    /// Waits until nothing runs.
    public func settle() async {
        await running?.value
    }

    private nonisolated static func run(
        rounds: Int, _ options: RunOptions, _ session: DemoSession,
        _ sink: AsyncStream<BatchProgress>.Continuation
    ) async -> (BatchProgress?, End) {
        defer { sink.finish() }
        var progress: BatchProgress?
        do {
            let (digits, pictures) = (try await session.digits(), try await session.pictures())
            let batch = Batch(digits: digits, pictures: pictures, options: options, total: rounds * pictures.count)
            try await batch.run {
                progress = $0
                sink.yield($0)
            }
            return (progress, .finished)
        } catch TandemError.cancelled {
            return (progress, .cancelled)
        } catch is CancellationError {
            return (progress, .cancelled)
        } catch {
            return (progress, .failed(Words.problem(error)))
        }
    }

    private struct Snapshot: Codable {
        let rounds: Int
        let mode: String
    }

    /// What a scene keeps to come back as it was: what is set, not what was counted.
    public var snapshot: Data {
        (try? JSONEncoder().encode(Snapshot(rounds: rounds, mode: mode.rawValue))) ?? Data()
    }

    /// Comes back as a snapshot says. What is no snapshot changes nothing.
    public func restore(_ data: Data) {
        guard let snapshot = try? JSONDecoder().decode(Snapshot.self, from: data) else { return }
        rounds = min(max(snapshot.rounds, 1), 1000)
        mode = InferenceMode(rawValue: snapshot.mode) ?? .auto
    }
}

/// Pictures to be read, several at once.
private struct Batch: Sendable {
    /// Pictures that are read at once.
    static let width = 4

    let digits: DigitModel
    let pictures: [LabelledPicture]
    let options: RunOptions
    let total: Int

    /// Reads them all, and reports after each.
    func run(_ report: (BatchProgress) -> Void) async throws {
        var progress = BatchProgress(total: total)
        report(progress)
        let begin = ContinuousClock.now
        try await withThrowingTaskGroup(of: (Placement, Bool).self) { group in
            for index in 0..<total {
                if index >= Self.width { try await count(&group, &progress, since: begin, report) }
                let item = pictures[index % pictures.count]
                group.addTask {
                    let reading = try await digits.read(item.picture, options: options)
                    return (reading.decision.placement, reading.digit == item.digit)
                }
            }
            while progress.done < total { try await count(&group, &progress, since: begin, report) }
        }
    }

    /// Waits for the next answer, and counts it.
    private func count(
        _ group: inout ThrowingTaskGroup<(Placement, Bool), any Error>, _ progress: inout BatchProgress,
        since begin: ContinuousClock.Instant, _ report: (BatchProgress) -> Void
    ) async throws {
        guard let (placement, isRight) = try await group.next() else { return }
        progress.done += 1
        progress.right += isRight ? 1 : 0
        progress.places[placement, default: 0] += 1
        progress.elapsed = begin.duration(to: .now)
        report(progress)
        try Task.checkCancellation()
    }
}
