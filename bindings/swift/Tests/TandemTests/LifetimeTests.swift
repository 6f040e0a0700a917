import Foundation
import XCTest

@testable import Tandem

final class LifetimeTests: XCTestCase {
    /// A provider that refers to its runtime, as one does that offloads to get its token.
    private final class Provider: TokenProvider {
        let runtime = Locked<Runtime?>(nil)
        let calls = Counter()

        func token(refresh: Bool) async throws -> String {
            calls.enter()
            return "token"
        }
    }

    func testClosingARuntimeLetsGoOfItsTokenProvider() async throws {
        weak var held: Provider?
        weak var heldRuntime: Runtime?
        do {
            let provider = Provider()
            var endpoint = try endpointDown()
            endpoint.token = .provider(provider)
            let runtime = try Runtime(endpoints: [endpoint])
            provider.runtime.withLock { $0 = runtime }
            (held, heldRuntime) = (provider, runtime)
            endpoint.token = nil
            runtime.close()
        }
        let freed = (try await isFreed(held), try await isFreed(heldRuntime))
        XCTAssert(freed == (true, true), "\(freed)")
    }

    func testARuntimeThatIsForgottenLetsGoOfItsTokenProvider() async throws {
        weak var held: Provider?
        do {
            let provider = Provider()
            var endpoint = try endpointDown()
            endpoint.token = .provider(provider)
            held = provider
            _ = try Runtime(endpoints: [endpoint])
        }
        let freed = try await isFreed(held)
        XCTAssert(freed)
    }

    func testAModelKeepsItsRuntimeAndNothingKeepsTheModel() async throws {
        weak var heldRuntime: Runtime?
        weak var heldModel: Model?
        do {
            var runtime: Runtime? = try Runtime()
            heldRuntime = runtime
            let model = try await XCTUnwrap(runtime).load(Places.model("identity_f32"))
            heldModel = model
            runtime = nil
            XCTAssertNotNil(heldRuntime)
            _ = try await model.predict(["x": try Tensor([Float(1)], shape: [1, 1])])
        }
        let freed = (try await isFreed(heldModel), try await isFreed(heldRuntime))
        XCTAssert(freed == (true, true), "\(freed)")
    }
}
