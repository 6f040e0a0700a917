import Foundation
import XCTest

@testable import Tandem

final class EnduranceTests: XCTestCase {
    /// Growth of memory that is noise: allocators keep some of what they get back.
    private static let allowance = 48 << 20

    private func memory() throws -> Int {
        guard let bytes = Process.residentBytes else { throw XCTSkip("memory is only measured on Linux") }
        return bytes
    }

    func testTenThousandPredictionsLeaveMemoryFlat() async throws {
        let model = try await Runtime().load(Places.model("identity_f32"))
        let pixels = [Float](repeating: 0.5, count: 150_528)
        var reused = pixels
        func predict() async throws {
            let output = try await model.predict(["x": try Tensor(pixels, shape: [1, pixels.count])]).output("y")
            try output.copy(into: &reused)
        }
        for _ in 0..<500 { try await predict() }
        let before = try memory()
        for _ in 0..<10_000 { try await predict() }
        let growth = try memory() - before
        XCTAssertEqual(reused, pixels)
        // One lost tensor in a hundred calls would be 60 MB.
        XCTAssertLessThan(growth, Self.allowance)
        print("endurance: 10000 predict calls of 602112 bytes, memory grew by \(growth >> 10) KiB")
    }

    func testAThousandModelsOpenedAndClosedLeaveMemoryFlat() async throws {
        let data = try Data(contentsOf: Places.digits)
        let runtime = try Runtime()
        let image = ["image": try Tensor([Float](repeating: 0.5, count: 64), shape: [1, 1, 8, 8])]
        func openAndClose(_ round: Int) async throws {
            let model = try await runtime.load(round % 2 == 0 ? .bytes(data) : .file(Places.digits))
            if round % 10 == 0 { _ = try await model.predict(image) }
            // Every third is left to its last reference.
            if round % 3 != 0 { model.close() }
        }
        for round in 0..<100 { try await openAndClose(round) }
        let before = try memory()
        for round in 0..<1000 { try await openAndClose(round) }
        let growth = try memory() - before
        XCTAssertLessThan(growth, Self.allowance)
        print("endurance: 1000 models opened and closed, memory grew by \(growth >> 10) KiB")
    }

    func testRuntimesOpenedAndClosedLeaveMemoryAndThreadsFlat() async throws {
        let (endpoint, inputs) = (try endpointDown(), ["x": try Tensor([Float(1)], shape: [1, 1])])
        func openAndClose() async throws {
            let runtime = try Runtime(endpoints: [endpoint])
            let model = try await runtime.load(Places.model("identity_f32"))
            _ = try await model.predict(inputs)
            runtime.close()
        }
        for _ in 0..<20 { try await openAndClose() }
        let (before, threads) = (try memory(), Process.threadCount ?? 0)
        for _ in 0..<200 { try await openAndClose() }
        let growth = try memory() - before
        XCTAssertLessThan(growth, Self.allowance)
        XCTAssertLessThan(Process.threadCount ?? 0, threads + 50)
        print("endurance: 200 runtimes opened and closed, memory grew by \(growth >> 10) KiB")
    }

    func testAHundredConcurrentCallsOnOneModelAgree() async throws {
        let model = try await Runtime().load(.file(Places.digits))
        let images = try (0..<100).map { index in
            ["image": try Tensor([Float](repeating: Float(index) / 100, count: 64), shape: [1, 1, 8, 8])]
        }
        var expected: [Tensor] = []
        for image in images { expected.append(try await model.predict(image).output("logits")) }
        let answers = try await withThrowingTaskGroup(of: (Int, Tensor).self) { group in
            for (index, image) in images.enumerated() {
                group.addTask { (index, try await model.predict(image).output("logits")) }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        XCTAssertEqual(answers.count, 100)
        for (index, tensor) in expected.enumerated() { XCTAssertEqual(answers[index], tensor) }
        print("endurance: 100 concurrent predict calls on one model, \(answers.count) answers equal")
    }
}
