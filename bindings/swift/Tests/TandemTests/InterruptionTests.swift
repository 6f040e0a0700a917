import Foundation
import XCTest

@testable import Tandem

/// Calls that are under way when they are stopped: an endpoint that never answers holds them.
final class InterruptionTests: XCTestCase {
    private let inputs = ["x": try? Tensor([Float(1)], shape: [1, 1])].compactMapValues { $0 }

    private func held(_ server: SilentServer) async throws -> (Runtime, Model) {
        let runtime = try Runtime(endpoints: [Endpoint(name: "silent", url: server.url)])
        return (runtime, try await runtime.load(Places.model("identity_f32")))
    }

    func testCancellingTheTaskEndsAnOffload() async throws {
        let server = try SilentServer()
        let (_, model) = try await held(server)
        let task = Task { [inputs] in try await model.offload(inputs) }
        try await server.accepted()
        task.cancel()
        await assertFails(.cancelled) { try await task.value }
    }

    func testCancellingTheTaskNeverLeadsElsewhere() async throws {
        let server = try SilentServer()
        let (_, model) = try await held(server)
        let task = Task { [inputs] in
            try await model.run(inputs, options: RunOptions(mode: .preferInCloud))
        }
        try await server.accepted()
        task.cancel()
        await assertFails(.cancelled) { try await task.value }
    }

    func testADeadlineEndsAnOffloadAndNeverLeadsElsewhere() async throws {
        let server = try SilentServer()
        let (_, model) = try await held(server)
        let options = RunOptions(mode: .onlyInCloud, timeout: .milliseconds(50))
        await assertFails(.deadlineExceeded) { [inputs] in try await model.offload(inputs, options: options) }
        await assertFails(.deadlineExceeded) { [inputs] in try await model.run(inputs, options: options) }
    }

    func testClosingTheModelEndsAnOffload() async throws {
        let server = try SilentServer()
        let (_, model) = try await held(server)
        let task = Task { [inputs] in try await model.offload(inputs) }
        try await server.accepted()
        model.close()
        await assertFails(.closed) { try await task.value }
    }

    func testClosingTheRuntimeEndsAnOffload() async throws {
        let server = try SilentServer()
        let (runtime, model) = try await held(server)
        let task = Task { [inputs] in try await model.offload(inputs) }
        try await server.accepted()
        runtime.close()
        await assertFails(.closed) { try await task.value }
    }

    func testCancellingEndsTheQuestionWhetherAnEndpointIsReady() async throws {
        let server = try SilentServer()
        let (runtime, _) = try await held(server)
        let task = Task { try await runtime.isReady("silent") }
        try await server.accepted()
        task.cancel()
        await assertFails(.cancelled) { try await task.value }
    }

    func testCancellingTheTaskEndsALoadAndTheRuntimeGoesOn() async throws {
        var configuration = RuntimeConfiguration()
        configuration.maxLocalCalls = 1
        let runtime = try Runtime(configuration)
        let load = Task { try await runtime.load(SlowModel.chain(of: 10_000)) }
        try await Task.sleep(for: .milliseconds(50))
        load.cancel()
        await assertFails(.cancelled) { try await load.value }
        let model = try await runtime.load(Places.model("identity_f32"))
        let prediction = try await model.predict(inputs)
        XCTAssertEqual(prediction["y"], inputs["x"])
    }

    func testADeadlineEndsALoad() async throws {
        var options = LoadOptions()
        options.timeout = .milliseconds(20)
        let runtime = try Runtime()
        await assertFails(.deadlineExceeded) {
            try await runtime.load(SlowModel.chain(of: 10_000), options: options)
        }
    }

    func testClosingTheRuntimeEndsALoad() async throws {
        let runtime = try Runtime()
        let load = Task { try await runtime.load(SlowModel.chain(of: 10_000)) }
        try await Task.sleep(for: .milliseconds(50))
        runtime.close()
        await assertFails(.closed) { try await load.value }
    }

    func testACancelledTaskStartsNothing() async throws {
        let server = try SilentServer()
        let (runtime, model) = try await held(server)
        for call in [Model.predict, Model.offload, Model.run] {
            let task = Task { [inputs] in
                withUnsafeCurrentTask { $0?.cancel() }
                return try await call(model)(inputs, RunOptions())
            }
            await assertFails(.cancelled) { try await task.value }
        }
        let load = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await runtime.load(Places.model("identity_f32"))
        }
        await assertFails(.cancelled) { try await load.value }
    }

    func testAnEndpointThatHoldsEveryThreadLeavesTheDeviceFree() async throws {
        let server = try SilentServer()
        var configuration = RuntimeConfiguration(endpoints: [Endpoint(name: "silent", url: server.url)])
        configuration.maxRemoteCalls = 1
        let model = try await Runtime(configuration).load(Places.model("identity_f32"))
        let (held, waiting) = (
            Task { [inputs] in try await model.offload(inputs) },
            Task { [inputs] in try await model.offload(inputs) }
        )
        try await server.accepted()
        let prediction = try await model.predict(inputs)
        XCTAssertEqual(prediction["y"], inputs["x"])
        held.cancel()
        waiting.cancel()
        await assertFails(.cancelled) { try await held.value }
        await assertFails(.cancelled) { try await waiting.value }
    }
}
