import Tandem
import XCTest

@testable import DemoModel

/// The screen Plan.
@MainActor
final class PlanModelTests: XCTestCase {
    private func model(_ address: String = nowhere) async throws -> PlanModel {
        PlanModel(session: try await .started(address, in: try temporaryFolder(self)))
    }

    private func cloud(_ model: PlanModel) throws -> CandidateRow {
        try XCTUnwrap(model.rows.first { $0.placement == .inCloud(endpoint: "cloud") })
    }

    func testEveryCandidateIsABarAndOneIsChosen() async throws {
        let model = try await model()
        await model.update()
        XCTAssertNil(model.problem)
        XCTAssertGreaterThan(model.rows.count, 2, "on the device, in the cloud, split")
        XCTAssertEqual(model.rows.map(\.isChosen).filter { $0 }.count, 1)
        XCTAssert(model.rows[0].isChosen)
        XCTAssert(model.rows.allSatisfy { (0...1).contains($0.fraction) && !$0.reason.isEmpty })
        XCTAssertEqual(model.rows.map(\.fraction).max(), 1)
        XCTAssertEqual(Set(model.rows.map(\.id)).count, model.rows.count)
    }

    func testASlowerLinkMakesTheCloudSlower() async throws {
        let model = try await model()
        var times: [Duration] = []
        for position in [1.0, 0.5, 0.0] {
            model.circumstances.linkPosition = position
            await model.update()
            times.append(try XCTUnwrap(cloud(model).predicted).latency.p50)
        }
        XCTAssertEqual(times, times.sorted())
        XCTAssertLessThan(times[0], times[2])
    }

    func testTheBatteryWeighsEnergy() async throws {
        let model = try await model()
        for level in [0.0, 0.05, 1.0] {
            model.circumstances.battery = level
            model.circumstances.isCellular = true
            await model.update()
            XCTAssertNil(model.problem)
        }
        XCTAssertEqual(model.circumstances.deviceState.batteryLevel, 1)
        XCTAssertEqual(model.circumstances.deviceState.network, .cellular4G)
    }

    nonisolated func testSlidersReachTheirEndsAndComeBack() {
        var circumstances = Circumstances()
        for position in [0, 0.25, 0.5, 1] {
            circumstances.linkPosition = position
            XCTAssertEqual(circumstances.linkPosition, position, accuracy: 1e-9)
        }
        circumstances.linkPosition = 7
        XCTAssertEqual(circumstances.megabits, 1000, accuracy: 1e-6)
    }

    func testWithoutAnEndpointOnlyThisDeviceIsThere() async throws {
        let model = try await model("")
        await model.update()
        XCTAssertEqual(model.rows.map(\.placement), [.onDevice])
    }

    func testASceneComesBackAsItWas() async throws {
        let old = try await model()
        old.circumstances.battery = 0.1
        old.circumstances.objective = .energy
        let new = try await model()
        new.restore(old.snapshot)
        XCTAssertEqual(new.circumstances, old.circumstances)
        new.restore(Data())
        XCTAssertEqual(new.circumstances, old.circumstances)
    }
}
