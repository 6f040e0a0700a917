import Foundation

/// One line of the output.
struct Row: Encodable {
    let `case`: String
    var subject = "swift"
    let metric: String
    var unit = "us"
    let value: Double
}

/// Times of one thing done again and again, in microseconds, in ascending order.
struct Samples {
    let sorted: [Double]

    var median: Double { sorted[sorted.count / 2] }
    var p99: Double { sorted[min(sorted.count - 1, sorted.count * 99 / 100)] }

    func rows(_ name: String) -> [Row] {
        [Row(case: name, metric: "median", value: median), Row(case: name, metric: "p99", value: p99)]
    }
}

/// Does things again and again.
struct Stopwatch {
    let rounds: Int

    /// Times `body`; with `batch`, that many calls at once, for what takes less than the clock can tell.
    func time(batch: Int = 1, _ body: () throws -> Void) rethrows -> Samples {
        var times: [Double] = []
        for round in 0..<rounds + rounds / 10 {
            let started = ContinuousClock.now
            for _ in 0..<batch { try body() }
            let time = ContinuousClock.now - started
            // The first tenth warms caches up.
            if round >= rounds / 10 { times.append(time / .microseconds(batch)) }
        }
        return Samples(sorted: times.sorted())
    }

    /// Times an asynchronous `body`.
    func timeCalls(_ body: () async throws -> Void) async rethrows -> Samples {
        var times: [Double] = []
        for round in 0..<rounds + rounds / 10 {
            let started = ContinuousClock.now
            try await body()
            let time = ContinuousClock.now - started
            if round >= rounds / 10 { times.append(time / .microseconds(1)) }
        }
        return Samples(sorted: times.sorted())
    }
}
