// swift-tools-version: 6.0

import Foundation
import PackageDescription

let environment = ProcessInfo.processInfo.environment

// Apps get the library in Tandem.xcframework, from scripts/build-apple. Tests, and everything on Linux, link the one that
// cargo made, with the header and the sources from scripts/generate-bindings.
#if os(Linux)
    let usesFramework = environment["TANDEM_XCFRAMEWORK"] == "1"
#else
    let usesFramework = environment["TANDEM_LIB_DIR"] == nil
#endif
let native: Target =
    usesFramework
    ? .binaryTarget(name: "tandem_ffiFFI", path: "Tandem.xcframework")
    : .systemLibrary(name: "tandem_ffiFFI", path: "Sources/tandem_ffiFFI")
let library = environment["TANDEM_LIB_DIR"] ?? "../../target/debug"
let linking: [LinkerSetting] =
    usesFramework ? [] : [.unsafeFlags(["-L", library, "-Xlinker", "-rpath", "-Xlinker", library])]

// Set where the library was built with the facade's feature `test-hooks`, which only tests use.
let hooks: [SwiftSetting] = environment["TANDEM_TEST_HOOKS"] == "1" ? [.define("TANDEM_TEST_HOOKS")] : []

let package = Package(
    name: "Tandem",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "Tandem", targets: ["Tandem"])],
    targets: [
        native,
        .target(
            name: "TandemGenerated",
            dependencies: ["tandem_ffiFFI"],
            // What UniFFI 0.32.2 writes is not ready for Swift 6 mode in every form.
            swiftSettings: [.swiftLanguageMode(.v5)],
            linkerSettings: linking
        ),
        .target(
            name: "Tandem", dependencies: ["TandemGenerated"], resources: [.copy("PrivacyInfo.xcprivacy")]),
    ],
    swiftLanguageModes: [.v6]
)

// Not in the package that scripts/build-apple makes.
if FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/Tests") {
    package.targets += [
        .executableTarget(name: "BoundaryBench", dependencies: ["Tandem"]),
        .testTarget(name: "TandemTests", dependencies: ["Tandem", "TandemGenerated"], swiftSettings: hooks),
    ]
}
