import Tandem
import XCTest

@testable import DemoModel

/// The screen Draw.
@MainActor
final class DrawModelTests: XCTestCase {
    private func model(_ address: String = "", device: TestDevice = TestDevice()) async throws -> DrawModel {
        DrawModel(session: try await .started(address, in: try temporaryFolder(self), device: device))
    }

    private func draw(_ drawing: Drawing, on model: DrawModel) {
        for stroke in drawing.strokes {
            for (index, point) in stroke.enumerated() { model.touch(point, isNew: index == 0) }
        }
    }

    func testADrawingIsReadInTheCloudWithTheTimeOfEveryPhase() async throws {
        let model = try await model(testServer())
        model.mode = .onlyInCloud
        draw(.seven, on: model)
        model.read()
        XCTAssert(model.isReading)
        await model.settle()
        let reading = try XCTUnwrap(model.reading, model.problem ?? "")
        XCTAssertEqual(reading.digit, 7)
        XCTAssertEqual(reading.decision.placement, .inCloud(endpoint: "cloud"))
        XCTAssert(reading.phases.map(\.name).contains("Upload"), "\(reading.phases)")
        XCTAssertFalse(model.isReading)
    }

    func testCloudAndDeviceAgree() async throws {
        let model = try await model(testServer())
        draw(.four, on: model)
        var readings: [Reading] = []
        for mode in [InferenceMode.onlyOnDevice, .onlyInCloud] {
            model.mode = mode
            model.read()
            await model.settle()
            readings.append(try XCTUnwrap(model.reading, model.problem ?? ""))
        }
        for (here, there) in zip(readings[0].probabilities, readings[1].probabilities) {
            XCTAssertEqual(here, there, accuracy: 1e-5)
        }
    }

    func testWhatIsPrivateStaysAndWhatMayNotGoIsSaid() async throws {
        let model = try await model(nowhere)
        draw(.one, on: model)
        model.sensitivity = .private
        model.read()
        await model.settle()
        XCTAssertEqual(model.reading?.decision.placement, .onDevice)
        model.mode = .onlyInCloud
        model.read()
        await model.settle()
        XCTAssertNil(model.reading)
        XCTAssert(model.problem?.contains("Not allowed") == true, model.problem ?? "")
    }

    func testWithoutANetworkTheDeviceAnswersAndOnlyTheCloudIsRefused() async throws {
        let device = TestDevice()
        device.turn(.none)
        let model = try await model(nowhere, device: device)
        draw(.nought, on: model)
        for mode in [InferenceMode.auto, .preferInCloud] {
            model.mode = mode
            model.read()
            await model.settle()
            XCTAssertEqual(model.reading?.digit, 0, model.problem ?? "")
            XCTAssertEqual(model.reading?.decision.placement, .onDevice)
        }
        model.mode = .onlyInCloud
        model.read()
        await model.settle()
        XCTAssert(model.problem?.contains("cannot be reached") == true, model.problem ?? "")
    }

    func testAnEndpointThatIsDownIsAnsweredForByTheDevice() async throws {
        let model = try await model(nowhere)
        draw(.seven, on: model)
        model.mode = .preferInCloud
        model.read()
        await model.settle()
        XCTAssertEqual(model.reading?.decision.reason, .fallback)
        XCTAssertNotNil(model.reading?.decision.fallbackCause)
    }

    func testClearingForgetsAndTheLastOfManyReadingsIsShown() async throws {
        let model = try await model()
        draw(.one, on: model)
        for _ in 0..<20 { model.read() }
        await model.settle()
        XCTAssertEqual(model.reading?.digit, 1)
        model.read()
        model.clear()
        await model.settle()
        XCTAssertNil(model.reading)
        XCTAssertFalse(model.isReading)
        model.read()
        XCTAssertFalse(model.isReading)
    }

    func testASceneComesBackAsItWas() async throws {
        let old = try await model()
        draw(.four, on: old)
        old.mode = .onlyOnDevice
        old.sensitivity = .internal
        let new = try await model()
        new.restore(old.snapshot)
        await new.settle()
        XCTAssertEqual(new.drawing, old.drawing)
        XCTAssertEqual(new.mode, .onlyOnDevice)
        XCTAssertEqual(new.sensitivity, .internal)
        XCTAssertEqual(new.reading?.digit, 4)
        new.restore(Data("nothing".utf8))
        XCTAssertEqual(new.drawing, old.drawing)
    }
}
