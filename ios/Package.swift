// swift-tools-version: 6.0
// Where there is no Apple, the model alone is built and tested: `ios/run-linux`.
import PackageDescription

let core: Target.Dependency = .product(name: "Countersign", package: "Countersign")
var products: [Product] = [.library(name: "AppModel", targets: ["AppModel"])]
var targets: [Target] = [
    .target(name: "AppModel", dependencies: [core], path: "AppModel"),
    .testTarget(name: "AppModelTests", dependencies: ["AppModel"], path: "AppModelTests"),
]
#if os(macOS)
products.append(.library(name: "CountersignKeys", targets: ["CountersignKeys"]))
targets.append(.target(name: "CountersignKeys", dependencies: [core]))
#endif

let package = Package(
    name: "CountersignApp",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: products,
    dependencies: [.package(name: "Countersign", path: "../bindings/swift")],
    targets: targets
)
