/// A colour in the light theme and in the dark one, as 0xRRGGBB. They are Android's (`res/values/theme.xml`), where every pair
/// of a text and its ground has a contrast of 4.5 or more (WCAG 2.2, 1.4.3).
public struct Shade: Sendable, Equatable {
    public let light: UInt32
    public let dark: UInt32

    public static let ground = Shade(light: 0xFFFFFF, dark: 0x101214)
    public static let card = Shade(light: 0xE4E8EC, dark: 0x22272C)
    public static let text = Shade(light: 0x16181A, dark: 0xF2F4F6)
    public static let quiet = Shade(light: 0x4A4F55, dark: 0xC2C8CE)
    public static let main = Shade(light: 0x0B4F94, dark: 0x9CC8F5)
    public static let onMain = Shade(light: 0xFFFFFF, dark: 0x08233E)
    public static let edge = Shade(light: 0x6B7178, dark: 0x8B939B)
    public static let authentic = Shade(light: 0x14603A, dark: 0x8AE0AE)
    public static let attention = Shade(light: 0x7E4300, dark: 0xFFC980)
    public static let suspect = Shade(light: 0x9B1515, dark: 0xFFABA3)
    public static let checkScan = Shade(light: 0x3A3F8F, dark: 0xC3C9FF)
    public static let cannotTell = Shade(light: 0x45494E, dark: 0xCDD2D7)
    public static let onVerdict = Shade(light: 0xFFFFFF, dark: 0x101214)

    /// By Android's names.
    static let all: [String: Shade] = [
        "ground": ground, "card": card, "text": text, "quiet": quiet, "main": main, "on_main": onMain, "edge": edge,
        "authentic": authentic, "attention": attention, "suspect": suspect, "check_scan": checkScan,
        "cannot_tell": cannotTell, "on_verdict": onVerdict,
    ]
}
