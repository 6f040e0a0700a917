// As much of Apple's UIKit as this repository uses: to check types.
@_exported import Foundation

@MainActor
public final class UIDevice {
    public enum BatteryState: Int, Sendable { case unknown, unplugged, charging, full }
    public static var current: UIDevice { UIDevice() }
    public var isBatteryMonitoringEnabled = false
    public var batteryLevel: Float { -1 }
    public var batteryState: BatteryState { .unknown }
    nonisolated public static let batteryLevelDidChangeNotification = Notification.Name("level")
    nonisolated public static let batteryStateDidChangeNotification = Notification.Name("state")
}

extension NotificationCenter {
    public func notifications(named name: Notification.Name, object: AnyObject? = nil) -> AsyncStream<Notification> {
        AsyncStream { $0.finish() }
    }
}
