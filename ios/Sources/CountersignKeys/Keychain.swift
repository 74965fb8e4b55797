import Countersign
import Foundation
import Security

/// Small items in the keychain, by kind and name: on this phone only, in no backup.
enum Keychain: String, CaseIterable {
    case sign, agree, secret

    subscript(_ name: String) -> Data? {
        get throws {
            var query = item(name)
            query[kSecReturnData] = true
            var found: CFTypeRef?
            switch SecItemCopyMatching(query as CFDictionary, &found) {
            case errSecSuccess: return found as? Data
            case errSecItemNotFound: return nil
            default: throw KeyStoreError.Failed
            }
        }
    }

    /// Stores an item, replacing any with that name.
    func keep(_ data: Data, _ name: String) throws {
        let changed = SecItemUpdate(item(name) as CFDictionary, [kSecValueData: data] as CFDictionary)
        if changed == errSecSuccess { return }
        guard changed == errSecItemNotFound else { throw KeyStoreError.Failed }
        var fresh = item(name)
        fresh[kSecValueData] = data
        fresh[kSecAttrAccessible] = kSecAttrAccessibleWhenPasscodeSetThisDeviceOnly
        guard SecItemAdd(fresh as CFDictionary, nil) == errSecSuccess else { throw KeyStoreError.Failed }
    }

    func delete(_ name: String) throws { try delete(item(name)) }

    /// Deletes every item of this kind.
    func deleteAll() throws { try delete(items) }

    private func delete(_ which: [CFString: Any]) throws {
        let deleted = SecItemDelete(which as CFDictionary)
        guard deleted == errSecSuccess || deleted == errSecItemNotFound else { throw KeyStoreError.Failed }
    }

    /// What all items of this kind have in common.
    private var items: [CFString: Any] {
        [
            kSecClass: kSecClassGenericPassword,
            kSecAttrService: "countersign.\(rawValue)",
            kSecUseDataProtectionKeychain: true,
        ]
    }

    private func item(_ name: String) -> [CFString: Any] {
        var item = items
        item[kSecAttrAccount] = name
        return item
    }
}
