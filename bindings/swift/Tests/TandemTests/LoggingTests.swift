import XCTest

@testable import Tandem

final class LoggingTests: XCTestCase {
    private final class Sink: LogSink {
        let records = Locked<[(LogLevel, String)]>([])

        func log(level: LogLevel, target: String, message: String) {
            records.withLock { $0.append((level, message)) }
        }
    }

    /// One test for all, because a process has one destination.
    func testRecordsGoToTheFirstSinkAndNoOther() async throws {
        let sink = Sink()
        try Logging.send(to: sink, level: .warn)
        await assertFails(.invalidArgument, saying: ["already"]) { try Logging.send(to: Sink()) }

        // A run that goes on elsewhere says so.
        let model = try await Runtime(endpoints: [try endpointDown("cloud")]).load(Places.model("identity_f32"))
        let options = RunOptions(mode: .preferInCloud)
        _ = try await model.run(["x": try Tensor([Float(1)], shape: [1, 1])], options: options)
        let records = sink.records.withLock { $0 }
        XCTAssert(records.contains { $0.0 == .warn && $0.1.contains("cloud") }, "\(records)")
    }
}
