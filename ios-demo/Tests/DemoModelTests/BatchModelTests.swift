import Tandem
import XCTest

@testable import DemoModel

/// The screen Batch.
@MainActor
final class BatchModelTests: XCTestCase {
    private func model(_ address: String = "") async throws -> BatchModel {
        BatchModel(session: try await .started(address, in: try temporaryFolder(self)))
    }

    func testAllPicturesAreReadHere() async throws {
        let model = try await model()
        model.rounds = 3
        model.start()
        XCTAssert(model.isRunning)
        await model.settle()
        XCTAssertEqual(model.end, .finished)
        let progress = try XCTUnwrap(model.progress)
        XCTAssertEqual(progress.done, 120)
        XCTAssertEqual(progress.fraction, 1)
        XCTAssertEqual(progress.places, [.onDevice: 120])
        XCTAssertGreaterThan(try XCTUnwrap(progress.accuracy), 0.9)
        XCTAssertGreaterThan(try XCTUnwrap(progress.throughput), 0)
        XCTAssertFalse(model.isRunning)
    }

    func testAllPicturesAreReadInTheCloudAsWellAsHere() async throws {
        let model = try await model(testServer())
        model.rounds = 1
        var accuracies: [Double?] = []
        for mode in [InferenceMode.onlyOnDevice, .onlyInCloud] {
            model.mode = mode
            model.start()
            await model.settle()
            XCTAssertEqual(model.end, .finished)
            accuracies.append(model.progress?.accuracy)
        }
        XCTAssertEqual(model.progress?.places, [.inCloud(endpoint: "cloud"): 40])
        XCTAssertEqual(accuracies[0], accuracies[1])
    }

    func testCancellingKeepsWhatWasCounted() async throws {
        let model = try await model()
        model.rounds = 1000
        model.start()
        while (model.progress?.done ?? 0) == 0 { await Task.yield() }
        model.cancel()
        await model.settle()
        XCTAssertEqual(model.end, .cancelled)
        let progress = try XCTUnwrap(model.progress)
        XCTAssertGreaterThan(progress.done, 0)
        XCTAssertLessThan(progress.done, progress.total)
        model.rounds = 1
        model.start()
        await model.settle()
        XCTAssertEqual(model.end, .finished)
    }

    func testAnEndpointThatIsDownFailsTheBatchAndSaysSo() async throws {
        let model = try await model(nowhere)
        model.mode = .onlyInCloud
        model.start()
        model.start()
        await model.settle()
        guard case .failed(let why) = model.end else { return XCTFail("\(String(describing: model.end))") }
        XCTAssert(why.contains("cannot be reached"), why)
        XCTAssertEqual(model.progress?.done, 0)
        XCTAssertNil(model.progress?.accuracy)
    }

    func testASceneComesBackAsItWas() async throws {
        let old = try await model()
        (old.rounds, old.mode) = (7, .preferOnDevice)
        let new = try await model()
        new.restore(old.snapshot)
        XCTAssertEqual(new.rounds, 7)
        XCTAssertEqual(new.mode, .preferOnDevice)
        new.restore(Data(#"{"rounds": -5, "mode": "sideways"}"#.utf8))
        XCTAssertEqual(new.rounds, 1)
        XCTAssertEqual(new.mode, .auto)
    }
}
