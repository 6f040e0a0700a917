import Foundation
import Tandem
import XCTest

@testable import DemoModel

/// Where this package's neighbours are.
enum Places {
    private static let repository = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let resources = repository.appending(path: "ios-demo/App/TandemDemo/Resources")

    private static let planningFolder = repository.appending(path: "android-demo/app/src/main/assets/planning")

    static let digits = DemoAssets.Network(
        repository.appending(path: "rust/cli/assets/digits/digits.onnx"),
        cuts: resources.appending(path: "digits.tandem.json"))
    static let planning = DemoAssets.Network(
        planningFolder.appending(path: "planning.onnx"), cuts: planningFolder.appending(path: "planning.tandem.json"))
    static let assets = DemoAssets(
        digits: digits, planning: planning, pictures: resources.appending(path: "pictures.json"))
}

/// The server of the tests, which serves what `tandem split` made of the digits. `TANDEM_TEST_SERVER` holds its URL.
func testServer() throws -> String {
    guard let address = ProcessInfo.processInfo.environment["TANDEM_TEST_SERVER"] else {
        throw XCTSkip("no server: TANDEM_TEST_SERVER is not set, so nothing is offloaded")
    }
    return address
}

/// Nothing listens there.
let nowhere = "http://127.0.0.1:1"

/// A token in memory.
final class MemoryTokens: TokenStore, @unchecked Sendable {
    private let lock = NSLock()
    private var token: String

    init(_ token: String = "") {
        self.token = token
    }

    func read() throws -> String { lock.withLock { token } }
    func write(_ token: String) throws { lock.withLock { self.token = token } }
}

/// A device whose network goes on and off.
final class TestDevice: DeviceStateProvider, @unchecked Sendable {
    private let lock = NSLock()
    private var state = DeviceState(network: .wifi)

    var deviceState: DeviceState { lock.withLock { state } }
    func turn(_ network: NetworkKind) { lock.withLock { state.network = network } }
}

/// A folder for one test.
func temporaryFolder(_ test: XCTestCase) throws -> URL {
    let folder = URL.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    test.addTeardownBlock { try? FileManager.default.removeItem(at: folder) }
    return folder
}

extension DemoSession {
    /// A session over the test's folder that has loaded nothing yet.
    convenience init(
        in folder: URL, file: SettingsFile, tokens: any TokenStore = MemoryTokens(), device: TestDevice = TestDevice(),
        assets: DemoAssets = Places.assets
    ) {
        self.init(
            assets: assets, file: file, tokens: tokens, device: device, cache: folder.appending(path: "cache"))
    }

    /// A session that has started, with that endpoint.
    static func started(
        _ address: String = "", in folder: URL, device: TestDevice = TestDevice(), assets: DemoAssets = Places.assets
    ) async throws -> DemoSession {
        var settings = DemoSettings()
        settings.address = address
        let file = SettingsFile(folder.appending(path: "settings.json"))
        try file.write(settings)
        let session = DemoSession(in: folder, file: file, device: device, assets: assets)
        await session.start()
        return session
    }
}

extension Drawing {
    /// The strokes through these places.
    init(_ strokes: [[(Double, Double)]]) {
        self.init()
        for stroke in strokes {
            for (index, place) in stroke.enumerated() {
                let point = Point(x: place.0, y: place.1)
                if index == 0 { begin(at: point) } else { extend(to: point) }
            }
        }
    }

    /// An ellipse, drawn from the top.
    static func ellipse(_ x: Double, _ y: Double, _ width: Double, _ height: Double) -> [(Double, Double)] {
        (0...24).map { step in
            let angle = Double(step) / 24 * 2 * Double.pi
            return (x + width * sin(angle), y - height * cos(angle))
        }
    }

    /// Digits as people draw them.
    static let nought = Drawing([ellipse(0.5, 0.5, 0.22, 0.35)])
    static let one = Drawing([[(0.38, 0.32), (0.52, 0.15), (0.52, 0.85)]])
    static let four = Drawing([[(0.45, 0.15), (0.25, 0.55), (0.7, 0.55)], [(0.58, 0.35), (0.55, 0.88)]])
    static let seven = Drawing([[(0.25, 0.2), (0.7, 0.2), (0.45, 0.85)], [(0.35, 0.52), (0.68, 0.52)]])
}
