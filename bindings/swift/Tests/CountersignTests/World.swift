import Foundation

/// A real node over TLS in a process of its own; see `tests/src/bin/world`.
final class World {
    private let process = Process()
    private let commands = Pipe()
    private let answers = Pipe()
    private var unread = Data()

    private(set) var node = ""
    private(set) var genesis = Data()
    private var frames = URL(fileURLWithPath: "/")
    /// The attribute authority: SPIFFE ID, address, TLS root.
    private(set) var authority = (identity: "", address: "", root: Data())

    init(folder: URL) throws {
        // A node may close a connection that is being written to. iPhones and Android keep the signal from an app; a Swift
        // program on Linux has to ignore it.
        signal(SIGPIPE, SIG_IGN)
        process.executableURL = URL(fileURLWithPath: try setting("COUNTERSIGN_WORLD"))
        process.arguments = [folder.path]
        process.standardInput = commands
        process.standardOutput = answers
        try process.run()
        let hello = try JSONSerialization.jsonObject(with: Data(line().utf8)) as! [String: String]
        node = hello["node"]!
        genesis = try Data(contentsOf: URL(fileURLWithPath: hello["genesis"]!))
        frames = URL(fileURLWithPath: hello["frames"]!)
        let root = try Data(contentsOf: URL(fileURLWithPath: hello["authority_root"]!))
        authority = (hello["authority"]!, hello["authority_address"]!, root)
    }

    deinit {
        try? commands.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    func ask(_ command: String) -> String {
        commands.fileHandleForWriting.write(Data("\(command)\n".utf8))
        return line()
    }

    func file(_ name: String) throws -> Data {
        try Data(contentsOf: frames.appendingPathComponent(name))
    }

    /// The pixels of a frame of 1280 by 720.
    func frame(_ name: String) throws -> Data {
        Data(try file(name).suffix(1280 * 720))
    }

    private func line() -> String {
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: unread[unread.startIndex..<end], as: UTF8.self)
                unread = Data(unread[(end + 1)...])
                return line
            }
            let more = answers.fileHandleForReading.availableData
            if more.isEmpty { return "" }
            unread.append(more)
        }
    }
}

struct Missing: Error { let name: String }

func setting(_ name: String) throws -> String {
    guard let value = ProcessInfo.processInfo.environment[name] else { throw Missing(name: name) }
    return value
}

func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
}

/// Memory of this process in kB.
func resident() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS") }!
    return Int(line.filter(\.isNumber))!
}
