import DemoModel
import Foundation
import Network
import SwiftUI
import Tandem

@main
struct TandemDemoApp: App {
    @State private var models = DemoModels(
        session: DemoSession(
            assets: DemoAssets(in: .main),
            file: SettingsFile(.applicationSupportDirectory.appending(path: "settings.json")),
            tokens: Keychain(service: "dev.tandem.demo"), device: AppleDeviceStateProvider(),
            cache: FileManager.default.urls(for: .cachesDirectory, in: .userDomainMask)[0]
                .appending(path: "tandem")))

    var body: some Scene {
        WindowGroup {
            RootView(models: models)
                .task { await models.session.follow(Self.network()) }
        }
    }

    /// Whether there is a network, now and whenever that changes.
    private static func network() -> AsyncStream<Bool> {
        AsyncStream { sink in
            let monitor = NWPathMonitor()
            monitor.pathUpdateHandler = { sink.yield($0.status == .satisfied) }
            sink.onTermination = { _ in monitor.cancel() }
            monitor.start(queue: DispatchQueue(label: "dev.tandem.demo.network"))
        }
    }
}
