import Tandem
import XCTest

@testable import DemoModel

/// The screen Plan.
@MainActor
final class PlanModelTests: XCTestCase {
    private func model(_ address: String = nowhere) async throws -> PlanModel {
        let model = PlanModel(session: try await .started(address, in: try temporaryFolder(self)))
        model.appear()
        await model.settle()
        return model
    }

    private func cloud(_ model: PlanModel) throws -> CandidateRow {
        try XCTUnwrap(model.rows.first { $0.placement == .inCloud(endpoint: "cloud") })
    }

    func testEveryCandidateIsABarAndOneIsChosen() async throws {
        let model = try await model()
        await model.update()
        XCTAssertNil(model.problem)
        XCTAssertEqual(model.rows.count, 3, "on the device, in the cloud, split")
        XCTAssertEqual(model.rows.map(\.isChosen).filter { $0 }.count, 1)
        XCTAssert(model.rows[0].isChosen)
        XCTAssert(model.rows.allSatisfy { (0...1).contains($0.fraction) && !$0.reason.isEmpty })
        XCTAssertEqual(model.rows.map(\.fraction).max(), 1)
        XCTAssertEqual(Set(model.rows.map(\.id)).count, model.rows.count)
    }

    private func here(_ model: PlanModel) throws -> Predicted {
        try XCTUnwrap(model.rows.first { $0.placement == .onDevice }?.predicted)
    }

    func testASlowerLinkMakesTheCloudSlower() async throws {
        let model = try await model()
        model.circumstances.link = .wifi
        var times: [Duration] = []
        for position in [1.0, 0.5, 0.0] {
            model.circumstances.linkPosition = position
            await model.update()
            times.append(try XCTUnwrap(cloud(model).predicted).latency.p50)
        }
        XCTAssertEqual(times, times.sorted())
        XCTAssertLessThan(times[0], times[2])
    }

    func testWhoeverWantsTheFewestBytesStaysOnTheDevice() async throws {
        let model = try await model()
        model.circumstances.link = .wifi
        model.circumstances.linkPosition = 1
        model.circumstances.loadPosition = 0
        model.circumstances.objective = .data
        await model.update()
        XCTAssertEqual(model.rows.first?.placement, .onDevice)
    }

    func testALoadedServerMakesTheCloudSlowerAndThisDeviceNot() async throws {
        let model = try await model()
        await model.update()
        let (idle, before) = (try XCTUnwrap(cloud(model).predicted), try here(model))
        model.circumstances.loadPosition = 1
        await model.update()
        XCTAssertGreaterThan(try XCTUnwrap(cloud(model).predicted).parts.server, idle.parts.server * 9)
        XCTAssertEqual(try here(model).latency.p50, before.latency.p50)
    }

    func testWithoutANetworkOnlyThisDeviceIsChosen() async throws {
        let model = try await model()
        model.circumstances.link = .none
        await model.update()
        XCTAssertEqual(model.rows.filter(\.isChosen).map(\.placement), [.onDevice])
    }

    nonisolated func testTheBatteryIsToldToThePlanner() {
        var circumstances = Circumstances()
        circumstances.battery = 0.05
        circumstances.link = .cellular4G
        let state = circumstances.deviceState(now: DeviceState(network: .wifi))
        XCTAssertEqual(state.batteryLevel, 0.05)
        XCTAssertEqual(state.isCharging, false)
        XCTAssertEqual(state.network, .cellular4G)
        circumstances.link = .present
        XCTAssertEqual(circumstances.deviceState(now: DeviceState(network: .wifi)).network, .wifi)
    }

    func testMeasuringTeachesThePlannerThisDeviceAndTheServer() async throws {
        let model = try await model(testServer())
        await model.update()
        let (before, there) = (try here(model), try cloud(model))
        model.measure()
        model.measure()
        XCTAssert(model.isMeasuring)
        await model.settle()
        XCTAssertFalse(model.isMeasuring)
        XCTAssertNil(model.problem)
        XCTAssertNotEqual(try here(model).latency, before.latency)
        XCTAssertNotEqual(try cloud(model).predicted?.parts.server, there.predicted?.parts.server)
    }

    func testMeasuringAnEndpointThatIsDownSaysSo() async throws {
        let model = try await model()
        model.measure()
        await model.settle()
        XCTAssert(model.problem?.contains("cannot be reached") == true, model.problem ?? "")
        XCTAssertFalse(model.rows.isEmpty)
    }

    nonisolated func testSlidersReachTheirEndsAndComeBack() {
        var circumstances = Circumstances()
        for position in [0, 0.25, 0.5, 1] {
            circumstances.linkPosition = position
            circumstances.loadPosition = position
            XCTAssertEqual(circumstances.linkPosition, position, accuracy: 1e-9)
            XCTAssertEqual(circumstances.loadPosition, position, accuracy: 1e-9)
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
