// swift-tools-version: 6.0

import PackageDescription

let package = Package(
    name: "TandemDemo",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: [.library(name: "DemoModel", targets: ["DemoModel"])],
    dependencies: [.package(path: "../bindings/swift")],
    targets: [
        .target(name: "DemoModel", dependencies: [.product(name: "Tandem", package: "swift")]),
        .testTarget(name: "DemoModelTests", dependencies: ["DemoModel"]),
    ],
    swiftLanguageModes: [.v6]
)

// Linux has no SwiftUI: there the views are compiled, and their bodies run, over a stand-in of ours.
#if os(Linux)
    package.targets += [
        .target(name: "SwiftUI", path: "Stubs/SwiftUI"),
        .target(
            name: "DemoViews", dependencies: ["DemoModel", "SwiftUI"], path: "App/TandemDemo",
            exclude: ["Assets.xcassets", "Info.plist", "PrivacyInfo.xcprivacy", "Resources", "TandemDemoApp.swift"]),
        .testTarget(name: "DemoViewsTests", dependencies: ["DemoViews"]),
    ]
#endif
