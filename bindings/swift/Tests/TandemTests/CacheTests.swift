import Foundation
import XCTest

@testable import Tandem

/// What a folder of compiled models changes: nothing but which files are read.
final class CacheTests: XCTestCase {
    private static let longAgo = Date(timeIntervalSince1970: 1_000_000)

    private let files = FileManager.default
    private var root = URL.temporaryDirectory

    override func setUp() async throws {
        root = URL.temporaryDirectory.appending(path: UUID().uuidString)
        try files.createDirectory(at: root, withIntermediateDirectories: true)
    }

    override func tearDown() async throws {
        try files.removeItem(at: root)
    }

    /// The bits of what a runtime of its own answers.
    private func answer(
        _ cache: CacheOptions?, _ source: ModelSource = .file(Places.digits)
    ) async throws -> [UInt32] {
        var configuration = RuntimeConfiguration()
        configuration.cache = cache
        let runtime = try Runtime(configuration)
        defer { runtime.close() }
        let pixels = (0..<3 * 64).map { Float($0 * 7 % 17) / 16 }
        let inputs = ["image": try Tensor(pixels, shape: [3, 1, 8, 8])]
        let prediction = try await runtime.load(source).predict(inputs)
        let bits = try prediction.outputs.flatMap { try $0.tensor.floats().map(\.bitPattern) }
        XCTAssertEqual(bits.count, 3 * 20)
        return bits
    }

    private func plans(_ folder: URL) throws -> [URL] {
        guard files.fileExists(atPath: folder.path) else { return [] }
        return try files.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "plan" }
    }

    private func onlyPlan(_ folder: URL) throws -> URL {
        let plans = try plans(folder)
        XCTAssertEqual(plans.count, 1)
        return try XCTUnwrap(plans.first)
    }

    /// Which file it is, whatever its name: another once it was written anew.
    private func identity(_ file: URL) throws -> Int {
        try XCTUnwrap(try files.attributesOfItem(atPath: file.path)[.systemFileNumber] as? Int)
    }

    private func modified(_ file: URL) throws -> Date {
        try XCTUnwrap(try files.attributesOfItem(atPath: file.path)[.modificationDate] as? Date)
    }

    func testASecondRuntimeLoadsWhatTheFirstHasKeptAndAnswersTheSameBitForBit() async throws {
        let expected = try await answer(nil)
        let cache = CacheOptions(folder: root.appending(path: "made/when needed"))
        let first = try await answer(cache)
        XCTAssertEqual(first, expected)
        let plan = try onlyPlan(cache.folder)
        let (written, kept) = (try identity(plan), try Data(contentsOf: plan))
        for source in [ModelSource.file(Places.digits), .bytes(try Data(contentsOf: Places.digits))] {
            try files.setAttributes([.modificationDate: Self.longAgo], ofItemAtPath: plan.path)
            let second = try await answer(cache, source)
            XCTAssertEqual(second, expected)
            // Read, and so touched, but not written anew.
            XCTAssertNotEqual(try modified(plan), Self.longAgo)
            XCTAssertEqual(try identity(try onlyPlan(cache.folder)), written)
            XCTAssertEqual(try Data(contentsOf: plan), kept)
        }
    }

    func testDamagedFilesCostACompilationAndNoAnswer() async throws {
        let expected = try await answer(nil)
        let cache = CacheOptions(folder: root)
        _ = try await answer(cache)
        let plan = try onlyPlan(root)
        let kept = try Data(contentsOf: plan)
        var flipped = kept
        flipped[kept.count / 2] ^= 1
        for damaged in [flipped, kept.dropLast(), Data(count: kept.count), Data()] {
            // Records of the models' files too.
            for file in try files.contentsOfDirectory(at: root, includingPropertiesForKeys: nil) {
                try damaged.write(to: file)
            }
            let broken = try identity(plan)
            let answer = try await answer(cache)
            XCTAssertEqual(answer, expected)
            XCTAssertNotEqual(try identity(plan), broken)
            XCTAssertEqual(try Data(contentsOf: plan), kept)
        }
    }

    func testNothingIsKeptBeyondTheBound() async throws {
        let (expected, answer) = (try await answer(nil), try await answer(CacheOptions(folder: root, maxBytes: 100)))
        XCTAssertEqual(answer, expected)
        XCTAssertEqual(try plans(root), [])
    }

    func testAFolderThatCannotBeUsedFailsNothing() async throws {
        let expected = try await answer(nil)
        let file = root.appending(path: "file")
        try Data("no folder".utf8).write(to: file)
        for folder in [file, file.appending(path: "below"), URL(filePath: "/dev/null/tandem")] {
            let answer = try await answer(CacheOptions(folder: folder))
            XCTAssertEqual(answer, expected, "\(folder)")
        }
        XCTAssertEqual(try String(contentsOf: file, encoding: .utf8), "no folder")
    }

    func testAFolderElsewhereIsRefused() async throws {
        let url = try XCTUnwrap(URL(string: "https://example.com/cache"))
        await assertFails(.invalidArgument, saying: ["https://example.com/cache"]) {
            try await self.answer(CacheOptions(folder: url))
        }
    }
}
