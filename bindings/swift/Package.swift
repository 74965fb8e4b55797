// swift-tools-version: 6.0
// On Linux, and with a library that cargo built on a Mac, the core is found through the linker: pass
// `-Xlinker -L<folder of libcountersign_core>`. Apps take the XCFramework that `xcframework.sh` makes.
import Foundation
import PackageDescription

let framework = "CountersignCore.xcframework"
let packaged = FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/\(framework)")

let package = Package(
    name: "Countersign",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "Countersign", targets: ["Countersign"])],
    targets: [
        packaged
            ? .binaryTarget(name: "CountersignCoreFFI", path: framework)
            : .systemLibrary(name: "CountersignCoreFFI"),
        // The barcode reader in the archive is C++; a shared library has it linked already.
        .target(
            name: "Countersign", dependencies: ["CountersignCoreFFI"],
            linkerSettings: packaged ? [.linkedLibrary("c++")] : []),
        .testTarget(name: "CountersignTests", dependencies: ["Countersign"]),
    ]
)
