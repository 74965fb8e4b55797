#!/usr/bin/env bash
# Packs the core for iPhones and Macs as an XCFramework, which Package.swift then takes. Needs a Mac with Xcode and the Rust
# targets below; on Linux use run-linux.
set -euo pipefail
[ "$(uname)" = Darwin ] || { echo "an XCFramework is made on a Mac, by xcodebuild" >&2; exit 1; }
cd "$(dirname "$0")"
root="$(cd ../.. && pwd)"
out="$root/target/xcframework"
rm -rf "$out" CountersignCore.xcframework
mkdir -p "$out/include"
cp Sources/CountersignCoreFFI/CountersignCoreFFI.h "$out/include/"
# Inside a framework the archive is linked by Xcode, not by the module map.
grep -v ' link ' Sources/CountersignCoreFFI/module.modulemap > "$out/include/module.modulemap"
arguments=()
for triple in aarch64-apple-ios aarch64-apple-ios-sim aarch64-apple-darwin; do
    rustup target add "$triple"
    (cd "$root" && cargo rustc --profile phone --locked --package countersign-bindings --lib --crate-type staticlib --target "$triple")
    arguments+=(-library "$root/target/$triple/phone/libcountersign_core.a" -headers "$out/include")
done
xcodebuild -create-xcframework "${arguments[@]}" -output CountersignCore.xcframework
