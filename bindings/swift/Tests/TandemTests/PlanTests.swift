import Foundation
import XCTest

@testable import Tandem

/// Plans, the state of the device that they are made for, and what is counted of them.
final class PlanTests: XCTestCase {
    private func runtime(_ device: (any DeviceStateProvider)? = nil) throws -> Runtime {
        var configuration = RuntimeConfiguration(endpoints: [try endpointDown("cloud")])
        configuration.deviceState = device
        return try Runtime(configuration)
    }

    private func input() throws -> [String: Tensor] {
        ["x": try Tensor([Float(1)], shape: [1, 1])]
    }

    func testAPlanTellsEveryCandidateAsPropertiesTextAndJSON() async throws {
        let model = try await runtime().load(Places.model("identity_f32"))
        var options = RunOptions(mode: .preferInCloud)
        options.privateTensors = ["x"]
        let plan = try model.plan(options)
        XCTAssertEqual(plan.order, [.onDevice])
        XCTAssertEqual(plan.chosen?.placement, .onDevice)
        let refused = try XCTUnwrap(plan[.inCloud(endpoint: "cloud")])
        XCTAssertEqual(refused.reason, .privateTensor)
        XCTAssertFalse(refused.isAllowed)
        XCTAssertNil(plan[.split(cut: "cut", endpoint: "cloud")])
        XCTAssert(plan.explain().contains("in cloud (cloud)"), plan.explain())
        let json = try JSONSerialization.jsonObject(with: Data(plan.toJSON().utf8)) as? [String: Any]
        let candidates = try XCTUnwrap(json?["candidates"] as? [[String: Any]])
        XCTAssertEqual(candidates.map { $0["reason"] as? String }, plan.candidates.map(\.reason.rawValue))
    }

    func testAPrivateTensorThatTheModelDoesNotHaveIsRefused() async throws {
        let model = try await runtime().load(Places.model("identity_f32"))
        var options = RunOptions()
        options.privateTensors = ["nothing"]
        await assertFails(.invalidInput, saying: ["\"nothing\""]) { try model.plan(options) }
    }

    private final class Asked: DeviceStateProvider {
        let counter = Counter()

        var deviceState: DeviceState {
            counter.enter()
            return DeviceState(network: .wifi)
        }
    }

    func testTheProviderIsAskedAtMostOnceASecondAndNotForAPlanOfAnotherState() async throws {
        let provider = Asked()
        let model = try await runtime(provider).load(Places.model("identity_f32"))
        _ = try model.plan(on: DeviceState(network: .none))
        XCTAssertEqual(provider.counter.total, 0)
        let begin = ContinuousClock.now
        for _ in 0..<100 { _ = try model.plan() }
        let seconds = Int(begin.duration(to: .now).components.seconds)
        XCTAssert((1...1 + seconds).contains(provider.counter.total), "asked \(provider.counter.total) times")
    }

    func testARuntimeThatWasClosedLetsGoOfTheProvider() async throws {
        weak var provider: Asked?
        let runtime = try {
            let asked = Asked()
            provider = asked
            return try self.runtime(asked)
        }()
        XCTAssertNotNil(provider)
        runtime.close()
        let freed = try await isFreed(provider)
        XCTAssert(freed)
    }

    func testPlannedRunsAreCounted() async throws {
        let runtime = try runtime(FixedDeviceState(DeviceState(network: .wifi)))
        let model = try await runtime.load(Places.model("identity_f32"))
        XCTAssertEqual(try runtime.statistics().onDevice, 0)
        XCTAssertNil(try runtime.statistics().coverage)
        for _ in 0..<3 { _ = try await model.run(try input(), options: RunOptions(mode: .onlyOnDevice)) }
        _ = try await model.predict(try input())
        XCTAssertEqual(try runtime.statistics().onDevice, 3)
        XCTAssertEqual(try runtime.statistics().inCloud, 0)
    }

    func testARuntimeGoesOnFromWhatAnEarlierOneHasLearned() async throws {
        let runtime = try runtime(FixedDeviceState(DeviceState(network: .wifi)))
        let model = try await runtime.load(Places.model("identity_f32"))
        for _ in 0..<3 { _ = try await model.run(try input(), options: RunOptions(mode: .onlyOnDevice)) }
        let learned = try runtime.estimates()
        let digest = model.info.digest
        XCTAssert(learned.contains(digest), learned)
        var configuration = RuntimeConfiguration(endpoints: [try endpointDown("cloud")])
        XCTAssertFalse(try Runtime(configuration).estimates().contains(digest))
        configuration.estimates = learned
        let later = try Runtime(configuration)
        XCTAssert(try later.estimates().contains(digest))
        XCTAssertEqual(try later.statistics().onDevice, 0)
        await assertFails(.invalidArgument, saying: ["estimates"]) {
            var damaged = RuntimeConfiguration()
            damaged.estimates = "{}"
            _ = try Runtime(damaged)
        }
    }

    func testSettingsOfThePlannerReachItAndThoseThatMakeNoSenseAreRefused() async throws {
        let watts = { (planner: PlannerSettings) async throws -> Double in
            var configuration = RuntimeConfiguration(endpoints: [try endpointDown("cloud")])
            configuration.deviceState = FixedDeviceState(DeviceState(network: .wifi))
            configuration.planner = planner
            let model = try await Runtime(configuration).load(Places.model("identity_f32"))
            // The first run warms up, and tells nothing of the next.
            for _ in 0..<2 { _ = try await model.run(try self.input(), options: RunOptions(mode: .onlyOnDevice)) }
            let predicted = try XCTUnwrap(try model.plan()[.onDevice]?.predicted)
            return predicted.energyJoules / (predicted.latency.mean / .seconds(1))
        }
        let replaced = PlannerSettings(overrides: #"{"energy": {"compute_watts": 100}}"#)
        let (raised, usual) = (try await watts(replaced), try await watts(PlannerSettings(probes: false)))
        XCTAssertEqual(raised, 100, accuracy: 1)
        XCTAssertEqual(usual, 1.85, accuracy: 0.02)
        await assertFails(.invalidArgument, saying: ["energy.compute_wats"]) {
            var wrong = RuntimeConfiguration()
            wrong.planner.overrides = #"{"energy": {"compute_wats": 1}}"#
            _ = try Runtime(wrong)
        }
    }

    func testAManifestThatIsNoneAndAKeyThatIsNoneAreRefused() async throws {
        let runtime = try runtime()
        var options = LoadOptions()
        options.splits = SplitManifest(json: "{}")
        await assertFails(.invalidModel) { try await runtime.load(Places.model("identity_f32"), options: options) }
        options.splits = SplitManifest(file: URL(filePath: "/absent.tandem.json"))
        await assertFails(.modelNotFound) { try await runtime.load(Places.model("identity_f32"), options: options) }
        options.splits = SplitManifest(json: "{}", publicKey: "abc")
        await assertFails(.invalidArgument, saying: ["64 hexadecimal digits"]) {
            try await runtime.load(Places.model("identity_f32"), options: options)
        }
    }
}
