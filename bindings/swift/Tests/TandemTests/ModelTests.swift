import Foundation
import XCTest

@testable import Tandem

final class ModelTests: XCTestCase {
    func testADigitIsReadOnThisDevice() async throws {
        let model = try await Runtime().load(.file(Places.digits))
        XCTAssertEqual(model.info.inputs.map(\.description), ["image f32 [batch, 1, 8, 8]"])
        XCTAssertEqual(model.info.outputs.map(\.name), ["probabilities", "logits"])
        XCTAssertEqual(model.info.digest.count, 64)
        XCTAssertEqual(model.info.opset, 17)

        let image = try Tensor([Float](repeating: 0.5, count: 3 * 64), shape: [3, 1, 8, 8])
        let prediction = try await model.predict(["image": image])
        XCTAssertEqual(prediction.outputs.map(\.name), ["probabilities", "logits"])
        XCTAssertEqual(prediction.decision.placement, .onDevice)
        XCTAssertEqual(prediction.decision.reason, .modeRequires)
        XCTAssertNotNil(prediction.timing.device)
        XCTAssertNil(prediction.timing.remote)
        let probabilities = try prediction.output("probabilities")
        XCTAssertEqual(probabilities.shape, [3, 10])
        let values = try probabilities.floats()
        for row in 0..<3 {
            XCTAssertEqual(values[row * 10..<row * 10 + 10].reduce(0, +), 1, accuracy: 1e-5)
        }
    }

    func testAModelComesFromAFileFromMemoryAndFromABundle() async throws {
        let runtime = try Runtime()
        let fromFile = try await runtime.load(.file(Places.digits))
        let fromMemory = try await runtime.load(.bytes(try Data(contentsOf: Places.digits)))
        XCTAssertEqual(fromFile.info.name, "digits")
        XCTAssertEqual(fromFile.info.digest, fromMemory.info.digest)

        let bundle = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).bundle")
        try FileManager.default.createDirectory(at: bundle, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: bundle) }
        try FileManager.default.copyItem(at: Places.digits, to: bundle.appending(path: "digits.onnx"))
        let opened = try XCTUnwrap(Bundle(url: bundle))
        let fromBundle = try await runtime.load(.asset("digits.onnx", in: opened))
        XCTAssertEqual(fromBundle.info.digest, fromFile.info.digest)
        await assertFails(.modelNotFound, saying: ["absent.onnx"]) {
            try await runtime.load(.asset("absent.onnx", in: opened))
        }
    }

    func testSourcesThatHoldNoModelAreRefused() async throws {
        let runtime = try Runtime()
        await assertFails(.invalidModel) { try await runtime.load(.bytes(Data())) }
        await assertFails(.invalidModel) { try await runtime.load(.bytes(Data("hello".utf8))) }
        await assertFails(.modelNotFound, saying: ["absent.onnx"]) {
            try await runtime.load(.file(URL(filePath: "/absent.onnx")))
        }
        await assertFails(.invalidArgument, saying: ["https"]) {
            try await runtime.load(.file(try XCTUnwrap(URL(string: "https://example.com/model.onnx"))))
        }
        var options = LoadOptions()
        options.plans = -1
        await assertFails(.invalidArgument, saying: ["-1"]) {
            try await runtime.load(.file(Places.digits), options: options)
        }
        await assertFails(.integrityMismatch) {
            try await runtime.load(
                .file(Places.digits), options: LoadOptions(sha256: String(repeating: "0", count: 64)))
        }
        await assertFails(.resourceLimit, saying: ["10"]) {
            try await runtime.load(.file(Places.digits), options: LoadOptions(limits: Limits(modelBytes: 10)))
        }
    }

    func testThreadsShareTheWorkOfARunAndAnswerTheSame() async throws {
        let pixels = (0..<64 * 64).map { Float($0 * 7 % 17) / 16 }
        let pictures = ["image": try Tensor(pixels, shape: [64, 1, 8, 8])]
        let answer = { (threads: Int) async throws -> [Float] in
            var configuration = RuntimeConfiguration()
            configuration.threads = threads
            let runtime = try Runtime(configuration)
            defer { runtime.close() }
            let helpers = { Process.threadCount(named: /tandem-\d+/) }
            let before = helpers()
            let prediction = try await runtime.load(.file(Places.digits)).predict(pictures)
            if let before {
                // Each takes its name as soon as it runs.
                for _ in 0..<1000 where helpers() != before + threads - 1 {
                    try await Task.sleep(for: .milliseconds(5))
                }
                XCTAssertEqual(helpers(), before + threads - 1)
            }
            return try prediction.output("probabilities").floats()
        }
        let (alone, shared) = (try await answer(1), try await answer(3))
        XCTAssertEqual(alone, shared)
        for wrong in [-1, 0, 65] {
            await assertFails(.invalidArgument, saying: ["threads is \(wrong), expected 1 to 64"]) {
                var configuration = RuntimeConfiguration()
                configuration.threads = wrong
                _ = try Runtime(configuration)
            }
        }
    }

    func testWantedOutputsComeInTheirOrder() async throws {
        let model = try await Runtime().load(.file(Places.digits))
        let inputs = ["image": try Tensor([Float](repeating: 0, count: 64), shape: [1, 1, 8, 8])]
        let prediction = try await model.predict(inputs, options: RunOptions(outputs: ["logits"]))
        XCTAssertEqual(prediction.outputs.map(\.name), ["logits"])
        XCTAssertNil(prediction["probabilities"])
        await assertFails(.invalidArgument, saying: ["probabilities", "logits"]) {
            try prediction.output("probabilities")
        }
    }

    func testWarmUpProfileAndPlan() async throws {
        let runtime = try Runtime(endpoints: [try endpointDown("cloud")])
        let model = try await runtime.load(.file(Places.digits))
        let inputs = ["image": try Tensor([Float](repeating: 0, count: 64), shape: [1, 1, 8, 8])]
        try await model.warmUp(inputs)

        let profile = try await model.profile(inputs)
        XCTAssertFalse(profile.nodes.isEmpty)
        XCTAssertGreaterThan(profile.peakBytes, 0)
        XCTAssertGreaterThanOrEqual(profile.total, profile.nodes.reduce(.zero) { $0 + $1.time })

        let plan = try model.plan(RunOptions(mode: .preferInCloud))
        XCTAssertEqual(plan.order, [.inCloud(endpoint: "cloud"), .onDevice])
        XCTAssertEqual(Set(plan.candidates.map(\.placement)), Set(plan.order))
        let denied = RunOptions(mode: .onlyInCloud, sensitivity: .private)
        await assertFails(.policyDenied, saying: ["private"]) { try model.plan(denied) }
    }

    func testARunWithoutAnEndpointThatAnswersGoesOnHere() async throws {
        let runtime = try Runtime(endpoints: [try endpointDown("cloud")])
        let model = try await runtime.load(.file(Places.digits))
        let inputs = ["image": try Tensor([Float](repeating: 0, count: 64), shape: [1, 1, 8, 8])]
        let prediction = try await model.run(inputs, options: RunOptions(mode: .preferInCloud))
        XCTAssertEqual(prediction.decision.placement, .onDevice)
        XCTAssertEqual(prediction.decision.reason, .fallback)
        XCTAssertNotNil(prediction.decision.fallbackCause)
        await assertFails(.offline, saying: ["\"cloud\""]) { try await model.offload(inputs) }
    }

    func testTimeoutsOfAnyLength() async throws {
        let model = try await Runtime().load(Places.model("identity_f32"))
        let inputs = ["x": try Tensor([Float(1)], shape: [1, 1])]
        for timeout in [Duration.zero, .seconds(-1), .nanoseconds(1)] {
            await assertFails(.deadlineExceeded) {
                try await model.predict(inputs, options: RunOptions(timeout: timeout))
            }
        }
        for timeout in [Duration.seconds(60), .seconds(Int64.max / 4)] {
            let prediction = try await model.predict(inputs, options: RunOptions(timeout: timeout))
            XCTAssertEqual(prediction["y"], inputs["x"])
        }
    }

    func testEndpointsThatMakeNoSenseAreRefused() async throws {
        await assertFails(.invalidArgument, saying: ["\"a\""]) {
            try Runtime(endpoints: [try endpointDown("a"), try endpointDown("a")])
        }
        await assertFails(.invalidArgument, saying: ["\"other\"", "down"]) {
            try await Runtime(endpoints: [try endpointDown()]).isReady("other")
        }
    }
}
