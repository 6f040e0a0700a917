import Foundation
import XCTest

@testable import Tandem

/// Runs the table that Rust and Kotlin run too.
final class ConformanceTests: XCTestCase {
    func testEveryCaseThatNeedsNoServer() async throws {
        try await runCases { !$0.needsServer }
    }

    func testEveryCaseThatNeedsTheServer() async throws {
        let table = try ConformanceTable.read()
        guard TestServer.url != nil else {
            let count = table.cases.count { $0.needsServer }
            print("conformance: \(count) cases SKIPPED, TANDEM_TEST_SERVER is not set")
            throw XCTSkip("no server: \(count) cases of the conformance table did not run")
        }
        try await runCases { $0.needsServer }
    }

    private func runCases(_ chosen: (ConformanceCase) -> Bool) async throws {
        let table = try ConformanceTable.read()
        XCTAssertEqual(table.version, 1)
        let cases = table.cases.filter(chosen)
        XCTAssertFalse(cases.isEmpty)
        var failed = 0
        for item in cases {
            let complaints = await complaints(about: item)
            failed += complaints.isEmpty ? 0 : 1
            for complaint in complaints { XCTFail("\(item.name): \(complaint)") }
        }
        print("conformance: \(cases.count - failed) of \(cases.count) cases as expected")
    }

    /// What is not as the case expects.
    private func complaints(about item: ConformanceCase) async -> [String] {
        do {
            let answer = try await run(item)
            if let error = item.expect.error { return ["expected \(error), got \(answer)"] }
            switch answer {
            case .model: return ["no outputs to compare"]
            case .plan(let plan):
                return try displacement(plan.chosen, among: plan.candidates, from: item.expect)
            case .prediction(let prediction): return try differences(of: prediction, from: item.expect)
            }
        } catch let error as TandemError {
            guard error.code.rawValue == item.expect.error else {
                return ["expected \(item.expect.error ?? "outputs"), got \(error)"]
            }
            let missing = (item.expect.says ?? []).filter { !error.details.message.contains($0) }
            return missing.map { "\"\(error.details.message)\" without \"\($0)\"" }
        } catch {
            return ["\(error)"]
        }
    }

    private enum Answer {
        case model
        case plan(Plan)
        case prediction(Prediction)
    }

    private func run(_ item: ConformanceCase) async throws -> Answer {
        // A case that needs no server must not depend on one either.
        let url = try XCTUnwrap(TestServer.url ?? URL(string: "http://127.0.0.1:1"))
        let server = Endpoint(name: "server", url: url)
        var json = Endpoint(name: "json", url: url)
        json.wire = .json
        var configuration = RuntimeConfiguration(endpoints: [server, json, try endpointDown()])
        configuration.deviceState = try item.deviceState.map(FixedDeviceState.init)
        let runtime = try Runtime(configuration)
        defer { runtime.close() }

        let source = ModelSource.file(Places.conformance.appending(path: item.model))
        let model = try await runtime.load(source, options: item.loadOptions)
        switch item.before {
        case .closeModel: model.close()
        case .closeRuntime: runtime.close()
        case .cancel, nil: break
        }
        let named = try (item.inputs ?? []).map { ($0.name, try $0.tensor()) }
        let (inputs, options) = (Dictionary(uniqueKeysWithValues: named), try item.runOptions)
        let call = Task { () -> Answer in
            if item.before == .cancel { withUnsafeCurrentTask { $0?.cancel() } }
            switch item.call {
            case .load: return .model
            case .predict: return .prediction(try await model.predict(inputs, options: options))
            case .offload: return .prediction(try await model.offload(inputs, options: options))
            case .run: return .prediction(try await model.run(inputs, options: options))
            case .plan: return .plan(try model.plan(options))
            }
        }
        return try await call.value
    }

    private func differences(of prediction: Prediction, from expect: ConformanceCase.Expect) throws -> [String] {
        guard let outputs = expect.outputs else { return ["no outputs to compare"] }
        var found: [String] = []
        if prediction.outputs.map(\.name) != outputs.map(\.name) {
            found.append("outputs \(prediction.outputs.map(\.name)), expected \(outputs.map(\.name))")
        }
        for (output, values) in zip(prediction.outputs, outputs) {
            let expected = try values.tensor()
            if try !agrees(output.tensor, expected, within: expect.tolerance) {
                found.append("\(output.name) is \(output.tensor), not as expected: \(expected)")
            }
        }
        let decision = prediction.decision
        if expect.placement?.kind == "split" {
            // Predicted and measured stand side by side.
            let (timing, predicted) = (prediction.timing, decision.predicted)
            if timing.device == nil || timing.remote == nil || predicted == nil {
                found.append("predicted \(String(describing: predicted)), measured \(timing)")
            }
        }
        let ran = Candidate(
            placement: decision.placement, isAllowed: true, reason: decision.reason, predicted: decision.predicted)
        return found + (try displacement(ran, among: decision.candidates, from: expect))
    }

    /// What is wrong with where it runs, or with what was considered.
    private func displacement(
        _ chosen: Candidate?, among candidates: [Candidate], from expect: ConformanceCase.Expect
    ) throws -> [String] {
        var found: [String] = []
        if let placement = try expect.placement?.placement(), chosen?.placement != placement {
            found.append("chosen is \(String(describing: chosen)), expected \(placement)")
        }
        if let reason = expect.reason, chosen?.reason.rawValue != reason {
            found.append("chosen is \(String(describing: chosen)), expected \(reason)")
        }
        for want in expect.candidates ?? [] {
            let placement = try want.placement.placement()
            let candidate = candidates.first { $0.placement == placement }
            if candidate?.isAllowed != want.allowed || candidate?.reason.rawValue != want.reason {
                found.append("\(placement) is \(String(describing: candidate)), expected \(want.reason)")
            }
        }
        return found
    }

    private func agrees(_ got: Tensor, _ expected: Tensor, within tolerance: Double?) throws -> Bool {
        guard let tolerance else { return got == expected }
        guard got.dtype == expected.dtype, got.shape == expected.shape else { return false }
        func close<Element: TensorElement & BinaryFloatingPoint>(_: Element.Type) throws -> Bool {
            zip(try got.values(as: Element.self), try expected.values(as: Element.self)).allSatisfy {
                abs(Double($0) - Double($1)) <= tolerance
            }
        }
        return switch got.dtype {
        case .f32: try close(Float.self)
        case .f64: try close(Double.self)
        default: throw Unreadable(what: "a tolerance for \(got.dtype)")
        }
    }
}
