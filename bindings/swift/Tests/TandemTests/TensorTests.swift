import Foundation
import XCTest

@testable import Tandem

final class TensorTests: XCTestCase {
    private func check<Element: TensorElement & Equatable>(_ values: [Element], is dtype: DType) throws {
        let tensor = try Tensor(values, shape: [1, values.count])
        XCTAssertEqual(tensor.dtype, dtype)
        XCTAssertEqual(tensor.shape, [1, values.count])
        XCTAssertEqual(tensor.count, values.count)
        XCTAssertEqual(tensor.byteCount, values.count * MemoryLayout<Element>.stride)
        XCTAssertEqual(try tensor.values(as: Element.self), values)
        XCTAssertEqual(try values.withUnsafeBufferPointer { try Tensor(copying: $0, shape: tensor.shape) }, tensor)
        XCTAssertEqual(try Tensor(data: try tensor.data(), dtype: dtype, shape: tensor.shape), tensor)
    }

    func testEveryNumberGoesInAndComesOut() throws {
        try check([UInt8.min, 1, .max], is: .u8)
        try check([UInt16.min, 1, .max], is: .u16)
        try check([UInt32.min, 1, .max], is: .u32)
        try check([UInt64.min, 1, .max], is: .u64)
        try check([Int8.min, -1, .max], is: .i8)
        try check([Int16.min, -1, .max], is: .i16)
        try check([Int32.min, -1, .max], is: .i32)
        try check([Int64.min, -1, .max], is: .i64)
        try check([Float.leastNonzeroMagnitude, -0.0, .infinity], is: .f32)
        try check([Double.leastNonzeroMagnitude, -0.0, .infinity], is: .f64)
        #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
            try check([Float16.leastNonzeroMagnitude, -0.0, .infinity], is: .f16)
            XCTAssertEqual(try Tensor([Float16(1)]).float16Bits(), [0x3c00])
        #endif
    }

    func testHalfPrecisionGoesByItsBits() throws {
        let tensor = try Tensor(float16Bits: [0x3c00, 0x8000, 0x7c00], shape: [3])
        XCTAssertEqual(tensor.dtype, .f16)
        XCTAssertEqual(try tensor.float16Bits(), [0x3c00, 0x8000, 0x7c00])
    }

    func testBooleansAndStrings() throws {
        let flags = try Tensor([true, false, true], shape: [3, 1])
        XCTAssertEqual(flags.dtype, .bool)
        XCTAssertEqual(try flags.bools(), [true, false, true])
        XCTAssertEqual(try flags.data(), Data([1, 0, 1]))

        let texts = try Tensor(["", "π", "a\0b"])
        XCTAssertEqual(texts.dtype, .string)
        XCTAssertEqual(texts.shape, [3])
        XCTAssertEqual(try texts.strings(), ["", "π", "a\0b"])
        XCTAssertEqual(texts.byteCount, 0)
    }

    func testEmptyTensorsAndScalars() throws {
        for tensor in [
            try Tensor([Float](), shape: [0, 3]), try Tensor([Float]()),
            try Tensor(data: Data(), dtype: .f32, shape: [2, 0]),
            try Tensor(copying: UnsafeBufferPointer<Float>(start: nil, count: 0)),
        ] {
            XCTAssertEqual(tensor.count, 0)
            XCTAssertEqual(try tensor.floats(), [])
            XCTAssertEqual(try tensor.data(), Data())
            XCTAssertEqual(try tensor.dataNoCopy(), Data())
            var array: [Float] = []
            XCTAssertNoThrow(try tensor.copy(into: &array))
        }
        XCTAssertEqual(try Tensor([String](), shape: [0]).strings(), [])
        XCTAssertEqual(try Tensor([Bool]()).bools(), [])

        let scalar = try Tensor([Int64(7)], shape: [])
        XCTAssertEqual(scalar.count, 1)
        XCTAssertEqual(try scalar.values(as: Int64.self), [7])
    }

    func testWhatDoesNotFitIsRefusedWithItsNumbers() async throws {
        await assertFails(.invalidInput, saying: ["[2, 2]", "4", "3"]) {
            try Tensor([Float](repeating: 0, count: 3), shape: [2, 2])
        }
        await assertFails(.invalidInput, saying: ["[]", "1", "0"]) { try Tensor([Float](), shape: []) }
        await assertFails(.invalidInput, saying: ["-1"]) { try Tensor([Float](), shape: [-1]) }
        await assertFails(.invalidInput, saying: ["-1"]) { try Tensor([Float](), shape: [0, -1]) }
        await assertFails(.resourceLimit) { try Tensor([Float](), shape: [.max, 2]) }
        await assertFails(.resourceLimit) { try Tensor([Float](), shape: [0, .max, .max]) }
        await assertFails(.resourceLimit) { try Tensor(data: Data(), dtype: .f64, shape: [.max]) }
        await assertFails(.invalidInput, saying: ["f32", "[2]", "8", "7"]) {
            try Tensor(data: Data(count: 7), dtype: .f32, shape: [2])
        }
        await assertFails(.invalidInput, saying: ["element 1", "2"]) {
            try Tensor(data: Data([9, 0, 2]).dropFirst(), dtype: .bool, shape: [2])
        }
        await assertFails(.invalidInput, saying: ["strings"]) { try Tensor(data: Data(), dtype: .string, shape: [0]) }
    }

    func testAnotherTypeThanTheTensorsIsRefused() async throws {
        let tensor = try Tensor([Int32(1)])
        let texts = try Tensor(["a"])
        var floats: [Float] = [0]
        await assertFails(.invalidInput, saying: ["f32", "i32"]) { try tensor.floats() }
        await assertFails(.invalidInput, saying: ["f32", "i32"]) { try tensor.copy(into: &floats) }
        await assertFails(.invalidInput, saying: ["bool", "i32"]) { try tensor.bools() }
        await assertFails(.invalidInput, saying: ["string", "i32"]) { try tensor.strings() }
        await assertFails(.invalidInput, saying: ["f16", "i32"]) { try tensor.float16Bits() }
        await assertFails(.invalidInput, saying: ["f32", "string"]) { try texts.floats() }
        await assertFails(.invalidInput, saying: ["strings"]) { try texts.data() }
        await assertFails(.invalidInput, saying: ["strings"]) { try texts.dataNoCopy() }
        await assertFails(.invalidInput, saying: ["strings"]) { try texts.withUnsafeBytes { $0.count } }
    }

    func testAReusedArrayKeepsItsOtherElements() async throws {
        let tensor = try Tensor([Float(1), 2])
        var array: [Float] = [9, 9, 9]
        try tensor.copy(into: &array)
        XCTAssertEqual(array, [1, 2, 9])
        var short: [Float] = [9]
        await assertFails(.invalidArgument, saying: ["2", "1"]) { try tensor.copy(into: &short) }
        XCTAssertEqual(short, [9])
    }

    func testATensorOfDataSharesIt() throws {
        let data = Data((0..<64).map { UInt8($0) })
        let slice = data[32...]
        let tensor = try Tensor(data: slice, dtype: .u8, shape: [32])
        XCTAssertEqual(try tensor.values(as: UInt8.self), Array(32..<64))
        XCTAssertEqual(try tensor.dataNoCopy(), slice)
    }

    func testTensorsAreEqualByTypeShapeAndBits() throws {
        let tensor = try Tensor([Float.nan, 0])
        XCTAssertEqual(tensor, try Tensor([Float.nan, 0]))
        XCTAssertNotEqual(tensor, try Tensor([Float.nan, -0.0]))
        XCTAssertNotEqual(tensor, try Tensor([Float.nan, 0], shape: [2, 1]))
        XCTAssertNotEqual(tensor, try Tensor([UInt32(0), 0]))
        XCTAssertEqual(try Tensor(["a"]), try Tensor(["a"]))
        XCTAssertNotEqual(try Tensor(["a"]), try Tensor(["b"]))
        XCTAssertEqual(tensor.description, "f32 [2]")
    }

    func testAConformanceOfAnotherSizeIsRefused() async {
        struct Wrong: TensorElement {
            static var dtype: DType { .f64 }
            var value: Float = 0
        }
        await assertFails(.invalidArgument, saying: ["Wrong", "f64"]) { try Tensor([Wrong()]) }
        await assertFails(.invalidArgument, saying: ["Wrong", "f64"]) { try Tensor([1.0]).values(as: Wrong.self) }
    }
}
