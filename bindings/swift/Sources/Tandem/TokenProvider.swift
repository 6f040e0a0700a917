import Foundation

internal import TandemGenerated

/// Gives the bearer token for requests to an endpoint. Implemented by the app.
///
/// Called before a request, and once more with `refresh` after the endpoint has refused the token, so that an expired
/// one is replaced. Several requests may ask at once. While it works, one of the runtime's threads waits, never one of
/// Swift's; the deadline of the run counts on.
///
/// The runtime holds its providers until ``Runtime/close()``.
public protocol TokenProvider: Sendable {
    /// The token, without the word `Bearer`.
    ///
    /// - Parameter refresh: Whether a new one is needed, because the endpoint has refused the last.
    /// - Returns: The token.
    /// - Throws: Any error; the run fails with ``TandemError/remoteFailed(_:)`` and its text.
    func token(refresh: Bool) async throws -> String
}

/// Where the bearer token of an endpoint comes from.
public enum BearerToken: Sendable {
    /// Always the same.
    case fixed(Secret)
    /// From the app, for every request.
    case provider(any TokenProvider)
}

extension BearerToken {
    var raw: EndpointToken {
        switch self {
        case .fixed(let secret): .fixed(value: secret.text)
        case .provider(let provider): .provided(provider: TokenBridge(provider: provider))
        }
    }
}

/// The app's provider as the facade's, which waits for its answer.
private final class TokenBridge: TandemGenerated.TokenProvider {
    let provider: any Tandem.TokenProvider

    init(provider: any Tandem.TokenProvider) {
        self.provider = provider
    }

    func token(refresh: Bool) throws -> String {
        let answer = Locked<Result<String, HostFailure>>(.failure(.Failed(detail: "no answer")))
        let answered = DispatchSemaphore(value: 0)
        Task.detached { [provider] in
            let result: Result<String, HostFailure>
            do {
                result = .success(try await provider.token(refresh: refresh))
            } catch {
                result = .failure(.Failed(detail: error.localizedDescription))
            }
            answer.withLock { $0 = result }
            answered.signal()
        }
        // On a thread of a lane or of the core, which may block.
        answered.wait()
        return try answer.withLock { $0 }.get()
    }
}
