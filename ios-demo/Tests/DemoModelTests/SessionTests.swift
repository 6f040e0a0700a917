import Foundation
import XCTest

@testable import DemoModel

/// The runtime and the model behind the screens.
@MainActor
final class SessionTests: XCTestCase {
    func testItStartsWithoutAnEndpointAndReadsHere() async throws {
        let session = try await DemoSession.started(in: try temporaryFolder(self))
        XCTAssertEqual(session.state, .ready)
        XCTAssertNil(session.notice)
        let reading = try await session.digits().read(Drawing.one.picture)
        XCTAssertEqual(reading.decision.placement, .onDevice)
    }

    func testALaterStartFindsTheNetworkThatAnEarlierOneHasKept() async throws {
        let folder = try temporaryFolder(self)
        var probabilities: [[Float]] = []
        var kept: [[String: Int]] = []
        for _ in 0..<2 {
            let session = try await DemoSession.started(in: folder)
            _ = try await session.planning()
            probabilities.append(try await session.digits().read(Drawing.one.picture).probabilities)
            kept.append(try plans(folder.appending(path: "cache")))
        }
        XCTAssertEqual(probabilities[0], probabilities[1])
        XCTAssertEqual(kept[0].count, 2)
        XCTAssertEqual(kept[0], kept[1])
    }

    /// The compiled networks that are kept: names, and which files they are, others once they were written anew.
    private func plans(_ folder: URL) throws -> [String: Int] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".plan") }
        return try names.reduce(into: [:]) { plans, name in
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.appending(path: name).path)
            plans[name] = try XCTUnwrap(attributes[.systemFileNumber] as? Int)
        }
    }

    func testAnEndpointThatIsNoneIsLeftOutAndSaid() async throws {
        let session = try await DemoSession.started("models.example.com", in: try temporaryFolder(self))
        XCTAssertEqual(session.state, .ready)
        XCTAssert(session.notice?.contains("is not an address") == true, session.notice ?? "")
        let reading = try await session.digits().read(Drawing.one.picture)
        XCTAssertEqual(reading.decision.placement, .onDevice)
    }

    func testAModelThatIsMissingIsAProblemAndNoCrash() async throws {
        let folder = try temporaryFolder(self)
        let assets = DemoAssets(in: .main)
        let session = try await DemoSession.started(in: folder, assets: assets)
        guard case .failed(let why) = session.state else { return XCTFail("\(session.state)") }
        XCTAssert(why.contains("digits.onnx"), why)
        XCTAssertThrowsError(try session.digits())
    }

    func testTheNetworkIsFollowed() async throws {
        let session = try await DemoSession.started(in: try temporaryFolder(self))
        let (network, sink) = AsyncStream.makeStream(of: Bool.self)
        sink.yield(false)
        sink.finish()
        await session.follow(network)
        XCTAssertFalse(session.isOnline)
        XCTAssert(session.notice?.contains("No network") == true)
    }

    func testTheLaterOfTwoSettingsAtOnceWins() async throws {
        let session = try await DemoSession.started(in: try temporaryFolder(self))
        var (first, second) = (DemoSettings(), DemoSettings())
        first.address = "http://127.0.0.1:1"
        second.address = "http://127.0.0.1:2"
        async let one: Void = session.keep(first, token: "")
        async let two: Void = session.keep(second, token: "")
        _ = try await (one, two)
        let reading = try await session.digits().read(Drawing.one.picture)
        XCTAssertEqual(reading.digit, 1)
        XCTAssert([first, second].contains(session.settings))
    }
}
