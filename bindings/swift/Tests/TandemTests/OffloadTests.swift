import Foundation
import XCTest

@testable import Tandem

/// Against the server of `TANDEM_TEST_SERVER`.
final class OffloadTests: XCTestCase {
    private final class Tokens: TokenProvider {
        let calls = Counter()
        let answer: @Sendable () async throws -> String

        init(_ answer: @escaping @Sendable () async throws -> String) {
            self.answer = answer
        }

        func token(refresh: Bool) async throws -> String {
            calls.enter()
            return try await answer()
        }
    }

    private struct SignedOut: LocalizedError {
        var errorDescription: String? { "signed out" }
    }

    /// A served file is called `model.onnx`; the server knows it by its folder's name.
    private let identity = LoadOptions(name: "identity_f32")

    func testDeviceAndCloudAgreeAndEveryPhaseIsMeasured() async throws {
        let runtime = try Runtime(endpoints: [Endpoint(name: "server", url: try TestServer.need())])
        let ready = try await runtime.isReady("server", timeout: .seconds(10))
        XCTAssert(ready)
        let model = try await runtime.load(Places.model("classifier"), options: LoadOptions(name: "classifier"))
        let inputs = ["x": try Tensor([Float(0.25), -1, 2, 3], shape: [2, 2])]
        let here = try await model.predict(inputs)
        let there = try await model.offload(inputs)
        XCTAssertEqual(here.outputs.map(\.name), there.outputs.map(\.name))
        XCTAssertEqual(there.decision.placement, .inCloud(endpoint: "server"))
        let timing = try XCTUnwrap(there.timing.remote)
        XCTAssertGreaterThan(timing.requestBytes, 16)
        XCTAssertGreaterThan(timing.answerBytes, 0)
        XCTAssertGreaterThan(timing.wait, .zero)
        XCTAssertNil(there.timing.device)
        for (left, right) in zip(here.outputs, there.outputs) where left.tensor.dtype == .f32 {
            for (left, right) in zip(try left.tensor.floats(), try right.tensor.floats()) {
                XCTAssertEqual(left, right, accuracy: 1e-5)
            }
        }
    }

    func testAHundredOffloadsAtOnce() async throws {
        let runtime = try Runtime(endpoints: [Endpoint(name: "server", url: try TestServer.need())])
        let model = try await runtime.load(Places.model("identity_f32"), options: identity)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<100 {
                group.addTask {
                    let x = try Tensor([Float(index)], shape: [1, 1])
                    let output = try await model.offload(["x": x]).output("y")
                    XCTAssertEqual(output, x)
                }
            }
            try await group.waitForAll()
        }
    }

    func testATokenIsAskedForAndItsFailureIsSaid() async throws {
        var endpoint = Endpoint(name: "server", url: try TestServer.need())
        let inputs = ["x": try Tensor([Float(1)], shape: [1, 1])]

        let giving = Tokens {
            try await Task.sleep(for: .milliseconds(1))
            return "token"
        }
        endpoint.token = .provider(giving)
        let runtime = try Runtime(endpoints: [endpoint])
        let prediction = try await runtime.load(Places.model("identity_f32"), options: identity).offload(inputs)
        XCTAssertEqual(prediction["y"], inputs["x"])
        XCTAssertGreaterThan(giving.calls.total, 0)

        endpoint.token = .provider(Tokens { throw SignedOut() })
        let model = try await Runtime(endpoints: [endpoint]).load(Places.model("identity_f32"), options: identity)
        await assertFails(.remoteFailed, saying: ["server", "signed out"]) { try await model.offload(inputs) }
    }
}
