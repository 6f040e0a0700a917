import Foundation
import XCTest

@testable import Tandem

/// Tensors through a model that gives back what it gets.
final class RoundTripTests: XCTestCase {
    private func roundTrip(_ tensor: Tensor, _ model: String) async throws -> Tensor {
        let model = try await Runtime().load(Places.model(model))
        XCTAssertEqual(model.info.inputs.map(\.dtype), [tensor.dtype])
        return try await model.predict(["x": tensor]).output("y")
    }

    private func check<Element: TensorElement & Equatable>(_ values: [Element]) async throws {
        let tensor = try Tensor(values, shape: [2, 3])
        let output = try await roundTrip(tensor, "identity_\(Element.dtype)")
        XCTAssertEqual(output, tensor)
        XCTAssertEqual(try output.values(as: Element.self), values)
        var reused = values.reversed() as [Element]
        try output.copy(into: &reused)
        XCTAssertEqual(reused, values)
    }

    func testEveryNumberComesBack() async throws {
        try await check([UInt8.min, .max, 1, 2, 3, 4])
        try await check([UInt16.min, .max, 1, 2, 3, 4])
        try await check([UInt32.min, .max, 1, 2, 3, 4])
        try await check([UInt64.min, .max, 1, 2, 3, 4])
        try await check([Int8.min, .max, -1, 2, 3, 4])
        try await check([Int16.min, .max, -1, 2, 3, 4])
        try await check([Int32.min, .max, -1, 2, 3, 4])
        try await check([Int64.min, .max, -1, 2, 3, 4])
        try await check([Float.leastNonzeroMagnitude, .greatestFiniteMagnitude, -0.0, .infinity, 1, 2])
        try await check([Double.leastNonzeroMagnitude, .greatestFiniteMagnitude, -0.0, .infinity, 1, 2])
    }

    func testHalvesBooleansAndStringsComeBack() async throws {
        let halves = try Tensor(float16Bits: [0x3c00, 0x8000, 0x7c00, 0, 1, 0x7bff], shape: [2, 3])
        let half = try await roundTrip(halves, "identity_f16")
        XCTAssertEqual(half, halves)
        XCTAssertEqual(try half.float16Bits(), try halves.float16Bits())

        let flags = [true, false, false, true, true, false]
        let flag = try await roundTrip(try Tensor(flags, shape: [2, 3]), "identity_bool")
        XCTAssertEqual(try flag.bools(), flags)

        let texts = ["", "π", "a\0b", "\u{1F9E0}", " ", "line\nline"]
        let text = try await roundTrip(try Tensor(texts, shape: [2, 3]), "identity_string")
        XCTAssertEqual(text.dtype, .string)
        XCTAssertEqual(try text.strings(), texts)
    }

    func testEmptyTensorsComeBackOrAreRefused() async throws {
        let model = try await Runtime().load(Places.model("identity_f32"))
        let empty = try Tensor([Float](), shape: [0, 3])
        do {
            let output = try await model.predict(["x": empty]).output("y")
            XCTAssertEqual(output, empty)
            XCTAssertEqual(try output.floats(), [])
            XCTAssertEqual(try output.dataNoCopy(), Data())
        } catch let error as TandemError {
            XCTAssertEqual(error.code, .invalidInput)
        }
    }

    func testAnOutputOutlivesItsPredictionItsModelAndItsRuntime() async throws {
        let values = (0..<100_000).map { Float($0) }
        let expected = values.withUnsafeBytes { Data($0) }
        var data: Data?
        do {
            let runtime = try Runtime()
            let model = try await runtime.load(Places.model("identity_f32"))
            let output = try await model.predict(["x": try Tensor(values, shape: [1, values.count])]).output("y")
            model.close()
            runtime.close()
            XCTAssertEqual(try output.floats(), values)
            data = try output.dataNoCopy()
        }
        XCTAssertEqual(data, expected)
        // A change to another holder's bytes goes to a copy.
        var changed = try XCTUnwrap(data)
        changed[0] = 0xff
        XCTAssertEqual(data, expected)
    }

    func testAnOutputIsAnInputAgain() async throws {
        let model = try await Runtime().load(Places.model("identity_f32"))
        let tensor = try Tensor([Float(1), 2, 3, 4], shape: [2, 2])
        var turned = tensor
        for _ in 0..<3 {
            turned = try await model.predict(["x": turned]).output("y")
        }
        XCTAssertEqual(turned, tensor)
        // Also in another runtime than the one it came from.
        let other = try await Runtime().load(Places.model("identity_f32"))
        let output = try await other.predict(["x": turned]).output("y")
        XCTAssertEqual(output, tensor)
    }

    func testAPreparedTensorIsEqualAndServesManyRuns() async throws {
        let runtime = try Runtime()
        let model = try await runtime.load(Places.model("identity_f32"))
        let tensor = try Tensor([Float(1), 2, 3, 4], shape: [2, 2])
        let prepared = try runtime.prepare(tensor)
        XCTAssertEqual(prepared, tensor)
        XCTAssertEqual(try prepared.dataNoCopy(), try tensor.data())
        for _ in 0..<3 {
            let output = try await model.predict(["x": prepared]).output("y")
            XCTAssertEqual(output, tensor)
        }
        let texts = try Tensor(["a"])
        XCTAssertEqual(try runtime.prepare(texts), texts)
        XCTAssertEqual(try runtime.prepare(try Tensor([Float](), shape: [0, 2])).count, 0)
    }

    func testWhatIsTooLongToCrossIsRefused() async throws {
        let bytes = Int(Int32.max) + 1
        // Zeros that nobody touches take no memory.
        let data = Data(count: bytes)
        let tensor = try Tensor(data: data, dtype: .u8, shape: [1, bytes])
        let runtime = try Runtime()
        let model = try await runtime.load(Places.model("identity_u8"))
        await assertFails(.resourceLimit, saying: ["\(bytes)"]) { try await model.predict(["x": tensor]) }
        await assertFails(.resourceLimit, saying: ["\(bytes)"]) { try await runtime.load(.bytes(data)) }
    }
}
