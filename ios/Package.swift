// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "CountersignKeys",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "CountersignKeys", targets: ["CountersignKeys"])],
    dependencies: [.package(name: "Countersign", path: "../bindings/swift")],
    targets: [
        .target(name: "CountersignKeys", dependencies: [.product(name: "Countersign", package: "Countersign")])
    ]
)
