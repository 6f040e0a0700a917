import Foundation

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Takes connections on the loopback, and never says a word.
final class SilentServer: Sendable {
    let url: URL
    private let listener: Int32

    struct Failed: Error {
        let call: String
    }

    init() throws {
        #if canImport(Glibc)
            listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            listener = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr = in_addr(s_addr: UInt32(0x7f00_0001).bigEndian)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let bound = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, $0, &length) == 0
            }
        }
        guard bound, let url = URL(string: "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))") else {
            throw Failed(call: "bind")
        }
        self.url = url
    }

    /// Waits for the next connection, which stays open until the test process ends.
    func accepted() async throws {
        let listener = listener
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            Thread.detachNewThread {
                if accept(listener, nil, nil) >= 0 {
                    continuation.resume()
                } else {
                    continuation.resume(throwing: Failed(call: "accept"))
                }
            }
        }
    }

    deinit {
        close(listener)
    }
}
