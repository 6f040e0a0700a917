import Foundation
import Tandem

/// What crossing between Swift and Rust costs: tensors, calls, errors, callbacks. Prints one JSON object a line.
///
///     swift run -c release BoundaryBench [--quick] [MODEL]
///
/// MODEL takes a float tensor `x` of any two dimensions and gives it back as `y`; the conformance table's by default.
@main
struct BoundaryBench {
    /// A picture of 224 by 224 in three colours: 602,112 bytes.
    static let pixels = [Float](repeating: 0.5, count: 3 * 224 * 224)

    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        let quick = arguments.contains("--quick")
        let model = arguments.first { !$0.hasPrefix("-") }.map { URL(filePath: $0) } ?? identity
        var rows = try await tensors(Stopwatch(rounds: quick ? 200 : 5000), model)
        rows += try await calls(Stopwatch(rounds: quick ? 200 : 5000), model)
        rows += try await callback(Stopwatch(rounds: quick ? 100 : 2000), model)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        for row in rows { print(String(decoding: try encoder.encode(row), as: UTF8.self)) }
    }

    private static var identity: URL {
        URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../conformance/repository/identity_f32/1/model.onnx").standardized
    }

    private static func tensors(_ watch: Stopwatch, _ file: URL) async throws -> [Row] {
        let runtime = try Runtime()
        let model = try await runtime.load(.file(file))
        let inputs = ["x": try Tensor(pixels, shape: [1, pixels.count])]
        let output = try await model.predict(inputs).output("y")
        var reused = pixels

        var rows: [Row] = []
        rows += try watch.time {
            _ = try runtime.prepare(try Tensor(pixels, shape: [1, pixels.count]))
        }.rows("602112 bytes in, to an engine tensor")
        rows += try watch.time { try output.copy(into: &reused) }.rows("602112 bytes out, into a reused array")
        rows += try watch.time { _ = try output.floats() }.rows("602112 bytes out, into a fresh array")
        rows += try watch.time { _ = try output.data() }.rows("602112 bytes out, into fresh Data")
        rows += try watch.time { _ = try output.dataNoCopy() }.rows("602112 bytes out, as Data without a copy")
        rows += try await watch.timeCalls {
            let tensor = try Tensor(pixels, shape: [1, pixels.count])
            try await model.predict(["x": tensor]).output("y").copy(into: &reused)
        }.rows("whole predict of an identity model, 602112 bytes in and out")
        let prepared = ["x": try runtime.prepare(try Tensor(pixels, shape: [1, pixels.count]))]
        rows += try await watch.timeCalls { _ = try await model.predict(prepared) }
            .rows("whole predict of an identity model, prepared tensor, nothing copied out")
        return rows
    }

    private static func calls(_ watch: Stopwatch, _ file: URL) async throws -> [Row] {
        let runtime = try Runtime()
        let (model, closed) = (try await runtime.load(.file(file)), try await runtime.load(.file(file)))
        closed.close()
        let inputs = ["x": try Tensor([Float(1)], shape: [1, 1])]
        let denied = RunOptions(mode: .onlyInCloud, sensitivity: .private)

        var rows: [Row] = []
        rows += watch.time(batch: 100) { closed.close() }.rows("call without arguments")
        rows += try watch.time(batch: 10) { _ = try model.plan() }.rows("call with a record in and a record out")
        rows += watch.time(batch: 10) { _ = try? model.plan(denied) }.rows("call that ends with a typed error")
        rows += try await watch.timeCalls { _ = try await model.predict(inputs) }
            .rows("whole predict of an identity model, 4 bytes in and out")
        return rows
    }

    /// The same refused exchange with a token at hand and with one that the app gives: the difference is the callback.
    private static func callback(_ watch: Stopwatch, _ file: URL) async throws -> [Row] {
        struct Tokens: TokenProvider {
            func token(refresh: Bool) async throws -> String { "token" }
        }
        func refused(_ token: BearerToken) async throws -> Samples {
            guard let nowhere = URL(string: "http://127.0.0.1:1") else { preconditionFailure("no URL") }
            var endpoint = Endpoint(name: "nowhere", url: nowhere)
            endpoint.wire = .binary
            endpoint.token = token
            let runtime = try Runtime(endpoints: [endpoint])
            let model = try await runtime.load(.file(file))
            let inputs = ["x": try Tensor([Float(1)], shape: [1, 1])]
            let samples = await watch.timeCalls { _ = try? await model.offload(inputs) }
            runtime.close()
            return samples
        }
        let fixed = try await refused(.fixed(Secret("token")))
        let provided = try await refused(.provider(Tokens()))
        return fixed.rows("refused offload, token at hand") + provided.rows("refused offload, token from the app")
            + [Row(case: "callback for a token", metric: "median", value: provided.median - fixed.median)]
    }
}
