import Foundation
import XCTest

@testable import Tandem

/// Where this package's neighbours are.
enum Places {
    private static let repository = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    #if os(Linux)
        static let conformance = repository.appending(path: "bindings/conformance")
    #else
        /// In the bundle where there is no repository, as on a phone.
        static let conformance =
            Bundle(for: Counter.self).url(forResource: "conformance", withExtension: nil)
            ?? repository.appending(path: "bindings/conformance")
    #endif
    static let digits = repository.appending(path: "rust/cli/assets/digits/digits.onnx")

    /// A model of the conformance table's repository.
    static func model(_ name: String) -> ModelSource {
        .file(conformance.appending(path: "repository/\(name)/1/model.onnx"))
    }
}

/// The server of the tests, which serves the conformance table's repository. `TANDEM_TEST_SERVER` holds its URL.
enum TestServer {
    static let url = ProcessInfo.processInfo.environment["TANDEM_TEST_SERVER"].flatMap { URL(string: $0) }

    /// The server, or a skipped test that says why.
    static func need() throws -> URL {
        guard let url else {
            throw XCTSkip("no server: TANDEM_TEST_SERVER is not set, so nothing is offloaded")
        }
        return url
    }
}

/// An endpoint where nothing listens.
func endpointDown(_ name: String = "down") throws -> Endpoint {
    Endpoint(name: name, url: try XCTUnwrap(URL(string: "http://127.0.0.1:1")))
}

extension XCTestCase {
    /// Checks that `body` fails with that code, and with these texts in its sentence.
    func assertFails<Value>(
        _ code: ErrorCode, saying texts: [String] = [], file: StaticString = #filePath, line: UInt = #line,
        _ body: () async throws -> Value
    ) async {
        do {
            let value = try await body()
            XCTFail("expected \(code.rawValue), got \(value)", file: file, line: line)
        } catch let error as TandemError {
            XCTAssertEqual(error.code, code, error.details.message, file: file, line: line)
            for text in texts {
                XCTAssert(
                    error.details.message.contains(text), "\"\(error.details.message)\" without \"\(text)\"",
                    file: file, line: line)
            }
        } catch {
            XCTFail("expected \(code.rawValue), got \(error)", file: file, line: line)
        }
    }
}

/// Waits until `object` is gone, for as long as threads may take to let go of what they have finished with.
func isFreed(_ object: @autoclosure () -> AnyObject?) async throws -> Bool {
    for _ in 0..<1000 where object() != nil { try await Task.sleep(for: .milliseconds(5)) }
    return object() == nil
}

/// Counts from any thread.
final class Counter: Sendable {
    private let counts = Locked((now: 0, most: 0, total: 0))

    func enter() {
        counts.withLock {
            $0.now += 1
            $0.total += 1
            $0.most = max($0.most, $0.now)
        }
    }

    func leave() {
        counts.withLock { $0.now -= 1 }
    }

    var total: Int { counts.withLock { $0.total } }
    var most: Int { counts.withLock { $0.most } }
}

/// What the system says of this process; `nil` where it is not Linux.
enum Process {
    /// Threads alive.
    static var threadCount: Int? {
        try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count
    }

    /// Threads alive that are called so.
    static func threadCount(named name: Regex<Substring>) -> Int? {
        let tasks = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
        return tasks?.filter { task in
            // A thread may end while they are counted.
            let comm = try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8)
            return comm?.trimmingCharacters(in: .newlines).wholeMatch(of: name) != nil
        }.count
    }

    /// Bytes of memory in use.
    static var residentBytes: Int? {
        guard let statm = try? String(contentsOfFile: "/proc/self/statm", encoding: .ascii),
            let pages = statm.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
