import Foundation

/// Keeps the bearer token where other apps and backups do not get at it.
public protocol TokenStore: Sendable {
    /// The token; empty where there is none.
    ///
    /// - Throws: ``DemoError/keychain(_:)``.
    func read() throws -> String
    /// Keeps the token; an empty one is removed.
    ///
    /// - Throws: ``DemoError/keychain(_:)``.
    func write(_ token: String) throws
}

#if canImport(Security)
    import Security

    /// The token in the keychain of this device. Tried on no device yet: where it was written there is no keychain.
    public struct Keychain: TokenStore {
        private static let account = "endpoint token"
        private let service: String

        /// The entry of that service.
        public init(service: String) {
            self.service = service
        }

        private var query: [CFString: Any] {
            [kSecClass: kSecClassGenericPassword, kSecAttrService: service, kSecAttrAccount: Self.account]
        }

        /// The token; empty where there is none.
        public func read() throws -> String {
            var query = query
            query[kSecReturnData] = true
            var found: CFTypeRef?
            let status = SecItemCopyMatching(query as CFDictionary, &found)
            guard status != errSecItemNotFound else { return "" }
            guard status == errSecSuccess, let data = found as? Data else { throw DemoError.keychain(Int(status)) }
            return String(decoding: data, as: UTF8.self)
        }

        /// Keeps the token; an empty one is removed.
        public func write(_ token: String) throws {
            var status = SecItemDelete(query as CFDictionary)
            if !token.isEmpty {
                var item = query
                item[kSecAttrAccessible] = kSecAttrAccessibleWhenUnlockedThisDeviceOnly
                item[kSecValueData] = Data(token.utf8)
                status = SecItemAdd(item as CFDictionary, nil)
            }
            guard status == errSecSuccess || status == errSecItemNotFound else {
                throw DemoError.keychain(Int(status))
            }
        }
    }
#endif
