// swift-tools-version: 6.0

import Foundation
import PackageDescription

// `tandem_ffiFFI` (header and module map) and `TandemGenerated` are written by scripts/generate-bindings.
#if os(Linux)
    // Linux builds the package for tests: it links the library that cargo made.
    let library = ProcessInfo.processInfo.environment["TANDEM_LIB_DIR"] ?? "../../target/debug"
    let native: [Target] = [.systemLibrary(name: "tandem_ffiFFI", path: "Sources/tandem_ffiFFI")]
    let linking: [LinkerSetting] = [.unsafeFlags(["-L", library, "-Xlinker", "-rpath", "-Xlinker", library])]
#else
    let native: [Target] = [.binaryTarget(name: "tandem_ffiFFI", path: "TandemFFI.xcframework")]
    let linking: [LinkerSetting] = []
#endif

// Set where the library was built with the facade's feature `test-hooks`, which only tests use.
let hooks: [SwiftSetting] =
    ProcessInfo.processInfo.environment["TANDEM_TEST_HOOKS"] == "1" ? [.define("TANDEM_TEST_HOOKS")] : []

let package = Package(
    name: "Tandem",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "Tandem", targets: ["Tandem"])],
    targets: native + [
        .target(
            name: "TandemGenerated",
            dependencies: ["tandem_ffiFFI"],
            // What UniFFI 0.32.2 writes is not ready for Swift 6 mode in every form.
            swiftSettings: [.swiftLanguageMode(.v5)],
            linkerSettings: linking
        ),
        .target(name: "Tandem", dependencies: ["TandemGenerated"]),
        .executableTarget(name: "BoundaryBench", dependencies: ["Tandem"]),
        .testTarget(name: "TandemTests", dependencies: ["Tandem", "TandemGenerated"], swiftSettings: hooks),
    ],
    swiftLanguageModes: [.v6]
)
