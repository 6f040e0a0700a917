import Foundation
import XCTest

@testable import Tandem

final class CallLaneTests: XCTestCase {
    func testNoMoreCallsThanTheLimitRunAtOnceAndAllOfThemRun() async throws {
        let lane = CallLane(name: "test", limit: 3)
        let counter = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    try await lane.run {
                        counter.enter()
                        Thread.sleep(forTimeInterval: 0.001)
                        counter.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        XCTAssertEqual(counter.total, 200)
        XCTAssertLessThanOrEqual(counter.most, 3)
        print("lane: \(counter.total) calls, at most \(counter.most) at once")
    }

    /// Blocked calls, far more than Swift has threads, are let go by tasks: these would never run if calls held theirs.
    func testBlockedCallsLeaveSwiftsThreadsFree() async throws {
        let calls = 64
        let lane = CallLane(name: "test", limit: calls)
        let gate = DispatchSemaphore(value: 0)
        let arrived = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<calls {
                group.addTask {
                    try await lane.run {
                        arrived.enter()
                        gate.wait()
                    }
                }
            }
            while arrived.total < calls { await Task.yield() }
            for _ in 0..<calls { group.addTask { gate.signal() } }
            try await group.waitForAll()
        }
    }

    /// A lane of one thread that is busy until the gate opens.
    private func busyLane() async -> (CallLane, open: @Sendable () async throws -> Void) {
        let lane = CallLane(name: "test", limit: 1)
        let gate = DispatchSemaphore(value: 0)
        let entered = Counter()
        let first = Task {
            try await lane.run {
                entered.enter()
                gate.wait()
            }
        }
        while entered.total == 0 { await Task.yield() }
        return (
            lane,
            {
                gate.signal()
                try await first.value
            }
        )
    }

    func testACancelledCallLeavesTheLineAtOnce() async throws {
        let (lane, open) = await busyLane()
        let ran = Counter()
        let waiting = Task { try await lane.run { ran.enter() } }
        waiting.cancel()
        await assertFails(.cancelled) { try await waiting.value }
        try await open()
        XCTAssertEqual(ran.total, 0)
    }

    func testADeadlineEndsTheWaitInLine() async throws {
        let (lane, open) = await busyLane()
        let ran = Counter()
        await assertFails(.deadlineExceeded) {
            try await lane.run(until: .now + .milliseconds(5)) { ran.enter() }
        }
        try await open()
        XCTAssertEqual(ran.total, 0)
    }

    func testADeadlineFarAwayLetsACallWait() async throws {
        let (lane, open) = await busyLane()
        let waiting = Task { try await lane.run(until: .now + .seconds(Int64.max / 4)) { 7 } }
        for _ in 0..<100 { await Task.yield() }
        try await open()
        let value = try await waiting.value
        XCTAssertEqual(value, 7)
    }

    func testCancellingACallUnderWayInterruptsIt() async throws {
        let lane = CallLane(name: "test", limit: 1)
        let gate = DispatchSemaphore(value: 0)
        let entered = Counter()
        let task = Task {
            try await lane.run(interrupt: { gate.signal() }) {
                entered.enter()
                gate.wait()
                return 7
            }
        }
        while entered.total == 0 { await Task.yield() }
        task.cancel()
        let value = try await task.value
        XCTAssertEqual(value, 7)
    }

    func testACallOfACancelledTaskDoesNotWait() async throws {
        let (lane, open) = await busyLane()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await lane.run { 7 }
        }
        await assertFails(.cancelled) { try await task.value }
        try await open()
    }

    func testEveryCallEndsOnceUnderContention() async throws {
        let lane = CallLane(name: "test", limit: 2)
        let (ran, cancelled) = (Counter(), Counter())
        for round in 0..<2000 {
            let task = Task { try await lane.run(until: .now + .microseconds(round % 50)) { ran.enter() } }
            if round % 3 == 0 { task.cancel() }
            do { try await task.value } catch { cancelled.enter() }
        }
        XCTAssertEqual(ran.total + cancelled.total, 2000)
        print("lane: \(ran.total) calls ran, \(cancelled.total) left the line")
    }

    /// Each thread of a lane holds its line, so the line is gone when they are.
    func testALaneThatIsGoneEndsItsThreads() async throws {
        weak var line: Line?
        do {
            let lane = CallLane(name: "test", limit: 8)
            line = lane.line
            let gate = DispatchSemaphore(value: 0)
            let arrived = Counter()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await lane.run {
                            arrived.enter()
                            gate.wait()
                        }
                    }
                }
                while arrived.total < 8 { await Task.yield() }
                for _ in 0..<8 { gate.signal() }
                try await group.waitForAll()
            }
            XCTAssertNotNil(line)
        }
        let freed = try await isFreed(line)
        XCTAssert(freed)
    }
}
