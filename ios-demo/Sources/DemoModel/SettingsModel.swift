import Observation
import Tandem

/// The screen Settings: the endpoint, and whether it answers.
@MainActor
@Observable
public final class SettingsModel {
    /// What a test of the connection, or keeping the settings, came to.
    public enum Outcome: Sendable, Equatable {
        /// The endpoint said within that time that it is ready.
        case ready(Duration)
        /// It answered, and is not ready.
        case notReady
        /// The settings are kept and in use.
        case kept
        /// It did not work, and why.
        case failed(String)
    }

    /// What is being typed.
    public var draft = DemoSettings() {
        didSet { if draft != oldValue { outcome = nil } }
    }
    /// The token that is being typed; empty sends none.
    public var token = "" {
        didSet { if token != oldValue { outcome = nil } }
    }
    /// What the last button came to.
    public private(set) var outcome: Outcome?
    /// Whether a button's work is under way.
    public private(set) var isBusy = false

    private let session: DemoSession
    private var hasAppeared = false
    private var running: Task<Void, Never>?

    /// A screen that shows the defaults, until ``appear()``.
    public init(session: DemoSession) {
        self.session = session
    }

    /// Shows what is kept, once the session knows it. Later calls leave what is being typed.
    public func appear() {
        guard !hasAppeared else { return }
        hasAppeared = true
        (draft, token) = (session.settings, session.token)
    }

    /// Whether there is something to keep.
    public var isChanged: Bool { draft != session.settings || token != session.token }

    /// Asks the endpoint that is being typed whether it is ready.
    public func test() {
        perform { [draft, token, session] in
            let (isReady, time) = try await session.isReady(draft, token: token)
            return isReady ? .ready(time) : .notReady
        }
    }

    /// Keeps what was typed and uses it from now on.
    public func keep() {
        perform { [draft, token, session] in
            try await session.keep(draft, token: token)
            return .kept
        }
    }

    /// Ends the work under way.
    public func cancel() {
        running?.cancel()
        (isBusy, running) = (false, nil)
    }

    /// Waits until nothing is under way.
    public func settle() async {
        await running?.value
    }

    private func perform(_ work: @escaping @Sendable () async throws -> Outcome) {
        running?.cancel()
        (outcome, isBusy) = (nil, true)
        running = Task {
            let outcome: Outcome
            do {
                outcome = try await work()
            } catch {
                outcome = .failed(Words.problem(error))
            }
            guard !Task.isCancelled else { return }
            (self.outcome, isBusy) = (outcome, false)
        }
    }
}
