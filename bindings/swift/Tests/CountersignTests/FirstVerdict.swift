import Countersign
import Foundation

/// What a screen shows of a pack: `code` as a scanner types it, `genesis` as the app ships it.
func firstVerdict(
    folder: URL, genesis: Data, node: String, keys: KeyStore, code: String
) async throws -> VerdictScreen {
    let database = folder.appendingPathComponent("wallet.db").path
    let wallet = try Wallet.open(database: database, genesis: genesis, node: node, keys: keys)
    try wallet.follow(code: code)
    for try await step in wallet.sync() { print(step) }
    let checker = PackChecker(wallet: wallet)
    return verdictScreen(answer: try await checker.answer(code: code))
}
