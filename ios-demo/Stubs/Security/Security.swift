// As much of Apple's Security as this repository uses: to check types.
import Foundation

public typealias CFString = String
public typealias CFDictionary = [String: Any]
public typealias CFTypeRef = AnyObject
public typealias OSStatus = Int32

public let (kSecClass, kSecClassGenericPassword) = ("class", "generic password")
public let (kSecAttrService, kSecAttrAccount, kSecAttrAccessible) = ("service", "account", "accessible")
public let kSecAttrAccessibleWhenUnlockedThisDeviceOnly = "when unlocked, this device only"
public let (kSecReturnData, kSecValueData) = ("return data", "value data")
public let (errSecSuccess, errSecItemNotFound): (OSStatus, OSStatus) = (0, -25300)

public func SecItemCopyMatching(_ query: CFDictionary, _ result: UnsafeMutablePointer<CFTypeRef?>?) -> OSStatus { 0 }
public func SecItemAdd(_ attributes: CFDictionary, _ result: UnsafeMutablePointer<CFTypeRef?>?) -> OSStatus { 0 }
public func SecItemDelete(_ query: CFDictionary) -> OSStatus { 0 }
