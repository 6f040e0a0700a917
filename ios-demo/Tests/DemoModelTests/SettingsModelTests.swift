import Foundation
import XCTest

@testable import DemoModel

/// The screen Settings.
@MainActor
final class SettingsModelTests: XCTestCase {
    private func model() async throws -> SettingsModel {
        let model = SettingsModel(session: try await .started(in: try temporaryFolder(self)))
        model.appear()
        return model
    }

    func testAConnectionIsTested() async throws {
        let model = try await model()
        model.draft.address = try testServer()
        model.test()
        XCTAssert(model.isBusy)
        await model.settle()
        guard case .ready(let time) = model.outcome else { return XCTFail("\(String(describing: model.outcome))") }
        XCTAssertGreaterThan(time, .zero)
        XCTAssertFalse(model.isBusy)
        model.draft.address += "/"
        XCTAssertNil(model.outcome, "it was about another address")
    }

    func testWhatIsWrongWithAnEndpointIsSaid() async throws {
        let model = try await model()
        for (address, anchors, says) in [
            ("", "", "no address"), ("models.example.com", "", "is not an address"),
            ("ftp://models.example.com", "", "is not an address"), ("https://", "", "is not an address"),
            ("https://models.example.com/v2", "", "without “/v2”"), (nowhere, "", "cannot be reached"),
            ("https://127.0.0.1:1", "no certificate", "cloud"),
        ] {
            model.draft.address = address
            model.draft.trustAnchors = anchors
            model.test()
            await model.settle()
            guard case .failed(let why) = model.outcome else {
                XCTFail("\(address): \(String(describing: model.outcome))")
                continue
            }
            XCTAssert(why.contains(says), "\(address): \(why)")
        }
    }

    func testSettingsAreKeptAndTheTokenIsNotAmongThem() async throws {
        let folder = try temporaryFolder(self)
        let file = SettingsFile(folder.appending(path: "deep/settings.json"))
        let tokens = MemoryTokens()
        let session = DemoSession(in: folder, file: file, tokens: tokens)
        await session.start()
        let model = SettingsModel(session: session)
        model.appear()
        XCTAssertFalse(model.isChanged)
        model.draft.address = " https://models.example.com "
        model.draft.isTrusted = true
        model.token = "not for files"
        XCTAssert(model.isChanged)
        model.keep()
        await model.settle()
        XCTAssertEqual(model.outcome, .kept)
        XCTAssertFalse(model.isChanged)
        let text = try String(contentsOf: folder.appending(path: "deep/settings.json"), encoding: .utf8)
        XCTAssert(text.contains("models.example.com"))
        XCTAssertFalse(text.contains("not for files"))

        let again = DemoSession(in: folder, file: file, tokens: tokens)
        await again.start()
        XCTAssertEqual(again.settings, session.settings)
        XCTAssertEqual(again.token, "not for files")
    }

    func testWhatCannotBeUsedIsNotKept() async throws {
        let model = try await model()
        model.draft.address = "nonsense"
        model.keep()
        await model.settle()
        guard case .failed = model.outcome else { return XCTFail("\(String(describing: model.outcome))") }
        XCTAssert(model.isChanged)
    }

    nonisolated func testAFileThatIsNoneGivesTheDefaults() throws {
        let file = try temporaryFolder(self).appending(path: "settings.json")
        try Data("{".utf8).write(to: file)
        XCTAssertEqual(SettingsFile(file).read(), DemoSettings())
    }

    func testAppearingAgainKeepsWhatIsTyped() async throws {
        let model = try await model()
        model.draft.address = "https://half"
        model.appear()
        XCTAssertEqual(model.draft.address, "https://half")
        model.test()
        model.cancel()
        XCTAssertFalse(model.isBusy)
    }
}
