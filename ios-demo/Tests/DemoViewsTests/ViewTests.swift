import DemoModel
import Foundation
import SwiftUI
import Tandem
import XCTest

@testable import DemoViews

/// The views' bodies over the stand-in for SwiftUI, with the real models, library and network behind them.
@MainActor
final class ViewTests: XCTestCase {
    private struct NoTokens: TokenStore {
        func read() throws -> String { "" }
        func write(_ token: String) throws {}
    }

    private func models() async -> DemoModels {
        sceneStorage = [:]
        environment = EnvironmentValues()
        let repository = URL(filePath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let resources = repository.appending(path: "ios-demo/App/TandemDemo/Resources")
        let planning = repository.appending(path: "android-demo/app/src/main/assets/planning")
        let assets = DemoAssets(
            digits: .init(
                repository.appending(path: "rust/cli/assets/digits/digits.onnx"),
                cuts: resources.appending(path: "digits.tandem.json")),
            planning: .init(
                planning.appending(path: "planning.onnx"), cuts: planning.appending(path: "planning.tandem.json")),
            pictures: resources.appending(path: "pictures.json"))
        let folder = URL.temporaryDirectory.appending(path: UUID().uuidString)
        addTeardownBlock { try? FileManager.default.removeItem(at: folder) }
        return DemoModels(
            session: DemoSession(
                assets: assets, file: SettingsFile(folder.appending(path: "settings.json")), tokens: NoTokens(),
                device: FixedDeviceState(DeviceState(network: .wifi)), cache: folder.appending(path: "cache")))
    }

    private func started() async -> DemoModels {
        let models = await models()
        await models.session.start()
        return models
    }

    private func nodes(_ view: some View) -> [Node] { render(view).flatMap(\.all) }

    private func texts(_ view: some View) -> String {
        nodes(view).flatMap { [$0.text, $0.label ?? "", $0.value ?? ""] }.joined(separator: "\n")
    }

    private func control(_ kind: String, _ name: String, in view: some View) throws -> Node {
        try XCTUnwrap(nodes(view).first { $0.kind == kind && [$0.text, $0.label].contains(name) }, "\(kind) \(name)")
    }

    /// Runs what runs when the view appears.
    private func appear(_ view: some View) async {
        for node in nodes(view) { for task in node.tasks { await task() } }
    }

    private static let one = [(0.38, 0.32), (0.52, 0.15), (0.52, 0.85)].map { CGPoint(x: $0.0 * 320, y: $0.1 * 320) }

    func testTheScreensComeOnceTheModelIsLoaded() async throws {
        let models = await models()
        let root = RootView(models: models)
        XCTAssert(texts(root).contains("Loading the model"))
        XCTAssertNil(nodes(root).first { $0.kind == "tabs" })
        await models.session.start()
        XCTAssertEqual(
            nodes(root).filter { $0.kind == "tab" }.map(\.text), ["Draw", "Plan", "Batch", "Settings"])
        XCTAssertFalse(texts(root).contains("No network"))
        let (network, sink) = AsyncStream.makeStream(of: Bool.self)
        sink.yield(false)
        sink.finish()
        await models.session.follow(network)
        XCTAssert(texts(root).contains("No network. Everything runs on this device."))
    }

    func testAFingerDrawsADigitAndTheAnswerIsShown() async throws {
        let models = await started()
        let view = DrawView(model: models.draw)
        XCTAssert(texts(view).contains("Draw a digit above."))
        XCTAssert(try control("button", "Clear", in: view).isDisabled)
        let canvas = try XCTUnwrap(nodes(view).first { $0.kind == "canvas" })
        canvas.set?(Self.one)
        canvas.set?([CGPoint(x: 170, y: 270)])
        XCTAssertEqual(models.draw.drawing.strokes.map(\.count), [3, 1])
        await models.draw.settle()
        XCTAssert(texts(view).contains("The digit is 1"), texts(view))
        XCTAssert(texts(view).contains("Place: On this device"))
        XCTAssertEqual(try XCTUnwrap(nodes(view).first { $0.kind == "canvas" }).text, "lines: 3")
        try control("button", "Clear", in: view).action?()
        XCTAssert(texts(view).contains("Draw a digit above."))
    }

    func testAProblemIsShownInsteadOfAnAnswer() async throws {
        let models = await started()
        let view = DrawView(model: models.draw)
        try XCTUnwrap(nodes(view).first { $0.kind == "canvas" }).set?(Self.one)
        try control("picker", "Mode", in: view).set?(InferenceMode.onlyInCloud)
        // What a change of the mode does.
        for node in nodes(view) where node.text == "InferenceMode" { node.action?() }
        await models.draw.settle()
        XCTAssertNotNil(models.draw.problem)
        XCTAssert(texts(view).contains(models.draw.problem ?? "?"))
    }

    func testCandidatesAreBarsAndSlidersPlanAnew() async throws {
        let models = await started()
        var settings = DemoSettings()
        settings.address = "http://127.0.0.1:1"
        try await models.session.keep(settings, token: "")
        let view = PlanView(model: models.plan)
        await appear(view)
        await models.plan.settle()
        XCTAssert(texts(view).contains("In the cloud"), texts(view))
        XCTAssert(texts(view).contains("Chosen: "))
        try control("slider", "Link speed", in: view).set?(1.0)
        XCTAssertEqual(models.plan.circumstances.megabits, 1000, accuracy: 1e-6)
        try control("picker", "Network", in: view).set?(Link.cellular5G)
        await appear(view)
        XCTAssert(texts(view).contains("Mbit/s"))
        try control("button", "Measure here and there", in: view).action?()
        XCTAssert(texts(view).contains("Measuring"))
        await models.plan.settle()
        XCTAssert(texts(view).contains("cannot be reached"), texts(view))
    }

    func testABatchRunsAndIsCancelled() async throws {
        let models = await started()
        let view = BatchView(model: models.batch)
        try control("stepper", "Rounds: 25", in: view).set?(1)
        try control("button", "Read all pictures", in: view).action?()
        XCTAssertTrue(try control("stepper", "Rounds: 1", in: view).isDisabled)
        await models.batch.settle()
        XCTAssert(texts(view).contains("All pictures were read."), texts(view))
        XCTAssert(texts(view).contains("40 of 40 pictures"))
        try control("stepper", "Rounds: 1", in: view).set?(1000)
        try control("button", "Read all pictures", in: view).action?()
        try control("button", "Cancel", in: view).action?()
        await models.batch.settle()
        XCTAssert(texts(view).contains("Stopped."))
    }

    func testSettingsAreTypedAndSaved() async throws {
        let models = await started()
        let view = SettingsView(model: models.settings)
        await appear(view)
        XCTAssert(try control("button", "Test connection", in: view).isDisabled)
        XCTAssert(try control("button", "Save", in: view).isDisabled)
        try control("field", "Address", in: view).set?("http://127.0.0.1:1")
        try control("field", "Token", in: view).set?("secret")
        try control("toggle", "Trusted with internal data", in: view).set?(true)
        try control("button", "Test connection", in: view).action?()
        XCTAssert(texts(view).contains("Working"))
        await models.settings.settle()
        XCTAssert(texts(view).contains("cannot be reached"), texts(view))
        try control("button", "Save", in: view).action?()
        await models.settings.settle()
        XCTAssert(texts(view).contains("Saved"))
        XCTAssertEqual(models.session.settings.address, "http://127.0.0.1:1")
        XCTAssertFalse(texts(view).contains("secret"))
    }

    func testScenesComeBackAsTheyWere() async throws {
        let models = await started()
        let view = DrawView(model: models.draw)
        try XCTUnwrap(nodes(view).first { $0.kind == "canvas" }).set?(Self.one)
        await models.draw.settle()
        environment.scenePhase = .background
        for view in [nodes(view), nodes(PlanView(model: models.plan)), nodes(BatchView(model: models.batch))] {
            for node in view where node.text == "ScenePhase" { node.action?() }
        }
        XCTAssertEqual(sceneStorage.keys.sorted(), ["batch", "draw", "plan"])
        // The process ends, and another begins.
        let kept = sceneStorage
        let again = await started()
        sceneStorage = kept
        await appear(DrawView(model: again.draw))
        await again.draw.settle()
        XCTAssertEqual(again.draw.drawing, models.draw.drawing)
        XCTAssertEqual(again.draw.reading?.digit, 1)
    }

    func testEveryControlHasANameAndEveryBarAValue() async throws {
        let models = await started()
        await models.plan.update()
        try XCTUnwrap(nodes(DrawView(model: models.draw)).first { $0.kind == "canvas" }).set?(Self.one)
        await models.draw.settle()
        let controls = ["button", "toggle", "slider", "stepper", "picker", "field"]
        var count = 0
        for view in [
            nodes(DrawView(model: models.draw)), nodes(PlanView(model: models.plan)),
            nodes(BatchView(model: models.batch)), nodes(SettingsView(model: models.settings)),
        ] {
            for node in view where controls.contains(node.kind) {
                count += 1
                XCTAssertFalse(node.text.isEmpty && (node.label ?? "").isEmpty, "a \(node.kind) without a name")
                if node.kind == "slider" { XCTAssertNotNil(node.value, node.text) }
            }
            for node in view where node.kind == "element" {
                XCTAssertFalse((node.label ?? "").isEmpty, "an element without a label")
            }
        }
        XCTAssertGreaterThan(count, 15)
    }
}
