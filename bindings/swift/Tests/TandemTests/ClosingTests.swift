import Foundation
import XCTest

@testable import Tandem

final class ClosingTests: XCTestCase {
    private let inputs = ["x": try? Tensor([Float(1)], shape: [1, 1])].compactMapValues { $0 }

    func testUseAfterCloseIsClosed() async throws {
        let runtime = try Runtime(endpoints: [try endpointDown()])
        let model = try await runtime.load(Places.model("identity_f32"))
        let other = try await runtime.load(Places.model("identity_f32"))
        let inputs = inputs
        for _ in 0..<3 { model.close() }
        await assertFails(.closed, saying: ["model"]) { try await model.predict(inputs) }
        await assertFails(.closed, saying: ["model"]) { try await model.offload(inputs) }
        await assertFails(.closed, saying: ["model"]) { try await model.run(inputs) }
        await assertFails(.closed, saying: ["model"]) { try await model.profile(inputs) }
        await assertFails(.closed, saying: ["model"]) { try await model.warmUp(inputs) }
        await assertFails(.closed, saying: ["model"]) { try model.plan() }
        XCTAssertEqual(model.info.inputs.map(\.name), ["x"])
        _ = try await other.predict(inputs)

        for _ in 0..<3 { runtime.close() }
        await assertFails(.closed) { try await other.predict(inputs) }
        await assertFails(.closed, saying: ["runtime"]) { try await runtime.load(Places.model("identity_f32")) }
        await assertFails(.closed, saying: ["runtime"]) { try await runtime.isReady("down") }
    }

    /// Closes while many calls run and wait: each ends with its result or as closed.
    func testClosingDuringCallsEndsEachOfThem() async throws {
        let runtime = try Runtime()
        let image = ["image": try Tensor([Float](repeating: 0.5, count: 64 * 64), shape: [64, 1, 8, 8])]
        let (done, closed, ended) = (Counter(), Counter(), Counter())
        for _ in 0..<50 {
            let model = try await runtime.load(.file(Places.digits))
            let before = ended.total
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        defer { ended.enter() }
                        do {
                            let prediction = try await model.predict(image)
                            XCTAssertEqual(try prediction.output("logits").floats().count, 640)
                            done.enter()
                        } catch TandemError.closed {
                            closed.enter()
                        }
                    }
                }
                while ended.total == before { await Task.yield() }
                model.close()
                try await group.waitForAll()
            }
        }
        XCTAssertEqual(done.total + closed.total, 1000)
        print("closing: 50 models closed under 20 calls each, \(done.total) answered, \(closed.total) closed")
    }
}
