import Foundation
import TandemGenerated
import XCTest

@testable import Tandem

final class ErrorTests: XCTestCase {
    func testEveryCodeHasItsCase() {
        for code in ErrorCode.allCases {
            let error = TandemError(code, .init("why", isRetryable: true, retryAfter: .seconds(2)))
            XCTAssertEqual(error.code, code)
            XCTAssertEqual(error.errorDescription, "why")
            XCTAssertEqual(error.localizedDescription, "why")
            XCTAssert(error.isRetryable)
            XCTAssertEqual(error.retryAfter, .seconds(2))
        }
        XCTAssertEqual(ErrorCode.allCases.count, 15)
    }

    func testAFailureOfTheFacadeKeepsEverything() async {
        let failure = TandemFailure.Failed(
            code: .remoteFailed, detail: "busy", retryable: true, retryAfterMs: 1500)
        XCTAssertThrowsError(try TandemError.translating { throw failure }) {
            XCTAssertEqual(
                $0 as? TandemError,
                .remoteFailed(.init("busy", isRetryable: true, retryAfter: .milliseconds(1500))))
        }
    }

    func testWhatNobodyExpectedIsInternal() async {
        await assertFails(.internal, saying: ["internal error"]) {
            try TandemError.translating { throw CocoaError(.fileNoSuchFile) }
        }
    }

    func testAPanicIsInternalAndTheProcessLives() async throws {
        #if TANDEM_TEST_HOOKS
            for _ in 0..<3 {
                await assertFails(.internal, saying: ["a panic asked for by a test"]) {
                    try TandemError.translating { try panicForTest() }
                }
            }
            let model = try await Tandem.Runtime().load(Places.model("identity_f32"))
            let x = try Tandem.Tensor([Float(1)], shape: [1, 1])
            let prediction = try await model.predict(["x": x])
            XCTAssertEqual(prediction["y"], x)
        #else
            throw XCTSkip("TANDEM_TEST_HOOKS is not 1: the library has no panic to ask for")
        #endif
    }

    func testSecretsAreNotShown() throws {
        var endpoint = try endpointDown()
        endpoint.token = .fixed(Secret("s3cr3t"))
        endpoint.tls.clientKey = Secret("s3cr3t")
        var dumped = ""
        dump(endpoint, to: &dumped)
        XCTAssertFalse("\(endpoint)\(String(reflecting: endpoint))\(dumped)".contains("s3cr3t"))
    }
}
