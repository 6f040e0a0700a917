import Foundation
import Observation
import Tandem

/// The screen Draw: a digit is drawn and read.
@MainActor
@Observable
public final class DrawModel {
    /// What was drawn.
    public private(set) var drawing = Drawing()
    /// Where it may be read.
    public var mode = InferenceMode.auto
    /// How far the drawing may travel.
    public var sensitivity = Sensitivity.public
    /// What the network last said of the drawing.
    public private(set) var reading: Reading?
    /// Why it said nothing.
    public private(set) var problem: String?
    /// Whether it is being read.
    public private(set) var isReading = false

    private let session: DemoSession
    private var running: Task<Void, Never>?

    /// A screen with nothing drawn.
    public init(session: DemoSession) {
        self.session = session
    }

    /// A finger came down, or moved.
    ///
    /// - Parameters:
    ///   - point: Where it is.
    ///   - isNew: Whether it just came down.
    public func touch(_ point: Drawing.Point, isNew: Bool) {
        if isNew { drawing.begin(at: point) } else { drawing.extend(to: point) }
    }

    /// Forgets drawing and answer.
    public func clear() {
        running?.cancel()
        drawing.clear()
        (reading, problem, isReading) = (nil, nil, false)
    }

    /// Has the drawing read; a reading under way is cancelled.
    public func read() {
        running?.cancel()
        guard !drawing.isEmpty else { return }
        isReading = true
        running = Task { [drawing, mode, sensitivity] in
            let result = await Self.read(drawing, RunOptions(mode: mode, sensitivity: sensitivity), session)
            guard !Task.isCancelled else { return }
            isReading = false
            switch result {
            case .success(let reading): (self.reading, problem) = (reading, nil)
            case .failure(let error): (reading, problem) = (nil, Words.problem(error))
            }
        }
    }

    /// Waits until nothing is being read.
    public func settle() async {
        await running?.value
    }

    private nonisolated static func read(
        _ drawing: Drawing, _ options: RunOptions, _ session: DemoSession
    ) async -> Result<Reading, any Error> {
        do {
            return .success(try await session.digits().read(drawing.picture, options: options))
        } catch {
            return .failure(error)
        }
    }

    private struct Snapshot: Codable {
        let drawing: Drawing
        let mode: String
        let sensitivity: String
    }

    /// What a scene keeps to come back as it was.
    public var snapshot: Data {
        let snapshot = Snapshot(drawing: drawing, mode: mode.rawValue, sensitivity: sensitivity.rawValue)
        return (try? JSONEncoder().encode(snapshot)) ?? Data()
    }

    /// Comes back as a snapshot says, and reads the drawing again. What is no snapshot changes nothing.
    public func restore(_ data: Data) {
        guard let snapshot = try? JSONDecoder().decode(Snapshot.self, from: data) else { return }
        drawing = snapshot.drawing
        mode = InferenceMode(rawValue: snapshot.mode) ?? .auto
        sensitivity = Sensitivity(rawValue: snapshot.sensitivity) ?? .public
        read()
    }
}
