import Foundation

/// Runs blocking calls on a bounded number of threads of its own, so that Swift's cooperative pool never blocks.
///
/// Calls beyond the bound wait in line; a cancelled task and a passed deadline end the wait at once. Threads start when
/// they are needed and end when they have been idle for a while, or when the lane is gone. They are not Dispatch's,
/// whose stacks of 512 KiB are small for preparing a deep graph.
final class CallLane: Sendable {
    let line: Line

    init(name: String, limit: Int) {
        line = Line(name: name, limit: max(1, limit))
    }

    deinit {
        line.end()
    }

    /// Runs `work` on a thread of the lane. `interrupt` is called when the task is cancelled, to end work under way. A task
    /// that is cancelled already starts nothing.
    func run<Value: Sendable>(
        until deadline: ContinuousClock.Instant? = nil,
        interrupt: @escaping @Sendable () -> Void = {},
        _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        // An idle thread would take the call before it could leave the line again.
        guard !Task.isCancelled else { throw TandemError(.cancelled, "cancelled") }
        let ticket = line.ticket()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
                let call = Line.Call(
                    ticket: ticket,
                    deadline: deadline,
                    run: { continuation.resume(with: Result(catching: work)) },
                    abandon: { continuation.resume(throwing: $0) })
                line.join(call)
                // The handler below may have run before the call was in line.
                if Task.isCancelled {
                    line.leave(ticket, because: TandemError(.cancelled, "cancelled"))
                }
            }
        } onCancel: {
            interrupt()
            line.leave(ticket, because: TandemError(.cancelled, "cancelled"))
        }
    }
}

/// The line of a lane and its threads, which outlive the lane by the call that they are in.
final class Line: @unchecked Sendable {
    struct Call: Sendable {
        let ticket: UInt64
        let deadline: ContinuousClock.Instant?
        let run: @Sendable () -> Void
        let abandon: @Sendable (TandemError) -> Void
    }

    private static let stackSize = 4 << 20
    private static let idleSeconds = 10.0

    private let name: String
    private let limit: Int
    /// Guards everything below, and wakes idle threads.
    private let condition = NSCondition()
    private var waiting: [Call] = []
    private var tickets: UInt64 = 0
    private var threads = 0
    private var idle = 0
    private var ended = false

    init(name: String, limit: Int) {
        self.name = name
        self.limit = limit
    }

    func ticket() -> UInt64 {
        locked {
            tickets += 1
            return tickets
        }
    }

    func join(_ call: Call) {
        let starts = locked {
            waiting.append(call)
            if idle >= waiting.count || threads == limit {
                condition.signal()
                return false
            }
            threads += 1
            return true
        }
        if starts {
            let thread = Thread { self.serve() }
            thread.name = name
            thread.stackSize = Self.stackSize
            thread.qualityOfService = .userInitiated
            thread.start()
        }
        if let deadline = call.deadline {
            expire(call.ticket, at: deadline)
        }
    }

    /// Takes a call out of the line, where it still is in it.
    func leave(_ ticket: UInt64, because error: TandemError) {
        let call = locked {
            waiting.firstIndex { $0.ticket == ticket }.map { waiting.remove(at: $0) }
        }
        call?.abandon(error)
    }

    func end() {
        locked {
            ended = true
            condition.broadcast()
        }
    }

    /// Ends the wait of a call at its deadline. One that no longer waits ends by its own watch on the deadline.
    private func expire(_ ticket: UInt64, at deadline: ContinuousClock.Instant) {
        guard locked({ waiting.contains { $0.ticket == ticket } }) else { return }
        let (seconds, attoseconds) = ContinuousClock.now.duration(to: deadline).components
        let wait = max(0, Double(seconds) + Double(attoseconds) / 1e18)
        DispatchQueue.global(qos: .userInitiated).asyncAfter(deadline: .now() + wait) { [weak self] in
            self?.leave(ticket, because: TandemError(.deadlineExceeded, "deadline exceeded"))
        }
    }

    private func serve() {
        while let call = next() {
            autoreleasing { call.run() }
        }
    }

    /// The next call, or `nil` when the thread is no longer needed.
    private func next() -> Call? {
        locked {
            while waiting.isEmpty {
                idle += 1
                let woken = !ended && condition.wait(until: Date(timeIntervalSinceNow: Self.idleSeconds))
                idle -= 1
                if !woken && waiting.isEmpty {
                    threads -= 1
                    return nil
                }
            }
            return waiting.removeFirst()
        }
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        condition.lock()
        defer { condition.unlock() }
        return body()
    }
}

/// Frees what Objective-C puts into a thread's pool, which a thread that never ends would keep.
private func autoreleasing(_ body: () -> Void) {
    #if canImport(ObjectiveC)
        autoreleasepool(invoking: body)
    #else
        body()
    #endif
}
