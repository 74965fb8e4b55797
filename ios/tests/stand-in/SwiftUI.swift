// Declarations of what the app's screens use of SwiftUI, so that a compiler without Apple's frameworks checks the screens'
// types. Nothing here runs.
@_exported import CoreGraphics
@_exported import CoreTransferable
@_exported import Observation
@_exported import UIKit
import UniformTypeIdentifiers

func nothing<T>() -> T { fatalError("a stand-in") }

// Views and their builder

@MainActor @preconcurrency public protocol View {
    associatedtype Body: View
    @ViewBuilder @MainActor @preconcurrency var body: Body { get }
}
extension Never: View { public var body: Never { fatalError() } }
public protocol _Leaf: View where Body == Never {}
extension _Leaf { public var body: Never { fatalError() } }

@resultBuilder public enum ViewBuilder {
    public static func buildExpression<C: View>(_ c: C) -> C { c }
    public static func buildBlock() -> EmptyView { EmptyView() }
    public static func buildBlock<C: View>(_ c: C) -> C { c }
    public static func buildBlock<each C: View>(_ c: repeat each C) -> TupleView<(repeat each C)> {
        TupleView((repeat each c))
    }
    public static func buildIf<C: View>(_ c: C?) -> C? { c }
    public static func buildEither<T: View, F: View>(first: T) -> _Either<T, F> { .first(first) }
    public static func buildEither<T: View, F: View>(second: F) -> _Either<T, F> { .second(second) }
}
public struct EmptyView: _Leaf { nonisolated public init() {} }
public struct TupleView<T>: _Leaf { nonisolated public init(_ t: T) {} }
public enum _Either<T: View, F: View>: _Leaf {
    case first(T)
    case second(F)
}
extension Optional: View, _Leaf where Wrapped: View { public typealias Body = Never }

// The app and its scenes

@MainActor @preconcurrency public protocol App {
    associatedtype Body: Scene
    @SceneBuilder @MainActor @preconcurrency var body: Body { get }
    @MainActor @preconcurrency init()
}
extension App { @MainActor public static func main() {} }
@MainActor @preconcurrency public protocol Scene {}
@resultBuilder public enum SceneBuilder { public static func buildBlock<C: Scene>(_ c: C) -> C { c } }
public struct WindowGroup<C: View>: Scene { public init(@ViewBuilder content: () -> C) {} }
extension Scene {
    public func onChange<V: Equatable>(of value: V, initial: Bool = false, _ action: @escaping () -> Void) -> some Scene
    { self }
    public func backgroundTask(_ task: BackgroundTask<Void, Void>, action: @escaping @Sendable () async -> Void)
        -> some Scene
    { self }
}
public struct BackgroundTask<Request, Response>: Sendable {
    public static func appRefresh(_ name: String) -> BackgroundTask<Void, Void> { nothing() }
}
public enum ScenePhase: Comparable, Sendable { case background, inactive, active }

// State

@propertyWrapper public struct State<V> {
    public init(wrappedValue: V) {}
    public init(initialValue: V) {}
    public var wrappedValue: V {
        get { nothing() }
        nonmutating set {}
    }
    public var projectedValue: Binding<V> { nothing() }
}
@propertyWrapper @dynamicMemberLookup public struct Binding<V> {
    public init(get: @escaping () -> V, set: @escaping (V) -> Void) {}
    public var wrappedValue: V {
        get { nothing() }
        nonmutating set {}
    }
    public var projectedValue: Binding<V> { self }
    public subscript<S>(dynamicMember path: WritableKeyPath<V, S>) -> Binding<S> { nothing() }
}
@propertyWrapper @dynamicMemberLookup public struct Bindable<V> {
    public init(wrappedValue: V) where V: Observable { self.wrappedValue = wrappedValue }
    public var wrappedValue: V
    public var projectedValue: Bindable<V> { self }
    public subscript<S>(dynamicMember path: ReferenceWritableKeyPath<V, S>) -> Binding<S> where V: AnyObject {
        nothing()
    }
}
@propertyWrapper public struct SceneStorage<V> {
    public init(wrappedValue: V, _ key: String) where V == String {}
    public var wrappedValue: V {
        get { nothing() }
        nonmutating set {}
    }
}
@propertyWrapper public struct Environment<V> {
    public init(_ path: KeyPath<EnvironmentValues, V>) {}
    public var wrappedValue: V { nothing() }
}
public struct EnvironmentValues {
    public var scenePhase: ScenePhase { nothing() }
    public var openURL: OpenURLAction { nothing() }
    public var displayScale: CGFloat {
        get { nothing() }
        set {}
    }
    public var layoutDirection: LayoutDirection {
        get { nothing() }
        set {}
    }
}
public struct OpenURLAction { @MainActor public func callAsFunction(_ url: URL) {} }
public enum LayoutDirection { case leftToRight, rightToLeft }

// Texts, pictures, shapes

public struct LocalizedStringKey: ExpressibleByStringInterpolation { public init(stringLiteral value: String) {} }
public struct Text: _Leaf {
    public init(_ key: LocalizedStringKey) {}
    @_disfavoredOverload public init<S: StringProtocol>(_ text: S) {}
    public func font(_ font: Font?) -> Text { self }
    public func bold() -> Text { self }
    public func strikethrough(_ isActive: Bool = true) -> Text { self }
}
public struct Image: _Leaf {
    public enum Interpolation { case none, low, medium, high }
    public init(systemName: String) {}
    public init(decorative: CGImage, scale: CGFloat) {}
    public init(_ image: CGImage, scale: CGFloat, label: Text) {}
    public func interpolation(_ interpolation: Interpolation) -> Image { self }
    public func resizable() -> Image { self }
}
public struct Font: Sendable {
    public static let body = Font(), title = Font(), title2 = Font(), title3 = Font(), largeTitle = Font()
    public func bold() -> Font { self }
    public func monospaced() -> Font { self }
}
public protocol ShapeStyle {}
public protocol Shape: View {}
extension Shape {
    public func fill<S: ShapeStyle>(_ style: S) -> some View { self }
}
public protocol InsettableShape: Shape {}
extension InsettableShape {
    public func strokeBorder<S: ShapeStyle>(_ style: S, lineWidth: CGFloat = 1) -> some View { self }
}
public struct Color: ShapeStyle, _Leaf, Sendable {
    nonisolated public init(_ color: UIColor) {}
    nonisolated public static var white: Color { nothing() }
}
public struct RoundedRectangle: InsettableShape, _Leaf { nonisolated public init(cornerRadius: CGFloat) {} }
public struct Rectangle: InsettableShape, _Leaf { nonisolated public init() {} }
public struct Capsule: InsettableShape, _Leaf { nonisolated public init() {} }

// Controls and stacks

public struct Button<L: View>: _Leaf {
    public init(action: @escaping @MainActor () -> Void, @ViewBuilder label: () -> L) {}
}
public protocol PrimitiveButtonStyle {}
public struct PlainButtonStyle: PrimitiveButtonStyle {}
extension PrimitiveButtonStyle where Self == PlainButtonStyle {
    public static var plain: PlainButtonStyle { PlainButtonStyle() }
}
public enum Axis: Sendable { case horizontal, vertical }
public struct TextField: _Leaf {
    public init(_ key: LocalizedStringKey, text: Binding<String>, axis: Axis) {}
    @_disfavoredOverload public init<S: StringProtocol>(_ label: S, text: Binding<String>, axis: Axis) {}
}
public struct SecureField: _Leaf {
    public init(_ key: LocalizedStringKey, text: Binding<String>) {}
    @_disfavoredOverload public init<S: StringProtocol>(_ label: S, text: Binding<String>) {}
}
public protocol Gesture {}
public struct DragGesture: Gesture {
    public struct Value {}
    public init(minimumDistance: CGFloat = 10) {}
    @MainActor public func onEnded(_ action: @escaping (Value) -> Void) -> some Gesture { self }
}
public struct Toggle: _Leaf {
    public init(_ key: LocalizedStringKey, isOn: Binding<Bool>) {}
    @_disfavoredOverload public init<S: StringProtocol>(_ label: S, isOn: Binding<Bool>) {}
}
public struct Picker<V: Hashable, C: View>: _Leaf {
    @_disfavoredOverload public init<S: StringProtocol>(
        _ label: S, selection: Binding<V>, @ViewBuilder content: () -> C
    ) {}
    public init(_ key: LocalizedStringKey, selection: Binding<V>, @ViewBuilder content: () -> C) {}
}
public protocol PickerStyle {}
public struct InlinePickerStyle: PickerStyle {}
extension PickerStyle where Self == InlinePickerStyle {
    public static var inline: InlinePickerStyle { InlinePickerStyle() }
}
public struct SharePreview { public init<S: StringProtocol>(_ title: S) {} }
public struct ShareLink<L: View>: _Leaf {
    public init(item: String, @ViewBuilder label: () -> L) {}
    public init(item: URL, @ViewBuilder label: () -> L) {}
    public init<I: Transferable>(
        item: I, subject: Text? = nil, message: Text? = nil, preview: SharePreview, @ViewBuilder label: () -> L
    ) {}
}
public struct ProgressView: _Leaf {
    public init() {}
    public init<V: BinaryFloatingPoint>(value: V?, total: V = 1) {}
}
public enum HorizontalAlignment: Sendable { case leading, center, trailing }
public enum VerticalAlignment: Sendable { case top, center, bottom }
public struct Alignment: Sendable {
    public static let leading = Alignment(), center = Alignment(), top = Alignment()
}
public struct VStack<C: View>: _Leaf {
    public init(alignment: HorizontalAlignment = .center, spacing: CGFloat? = nil, @ViewBuilder content: () -> C) {}
}
public struct HStack<C: View>: _Leaf {
    public init(alignment: VerticalAlignment = .center, spacing: CGFloat? = nil, @ViewBuilder content: () -> C) {}
}
public struct ScrollView<C: View>: _Leaf { public init(@ViewBuilder content: () -> C) {} }
public struct ForEach<D: RandomAccessCollection, ID: Hashable, C: View>: _Leaf {
    public init(_ data: D, id: KeyPath<D.Element, ID>, @ViewBuilder content: @escaping (D.Element) -> C) {}
}
public struct NavigationStack<Data, C: View>: _Leaf {
    public init(path: Binding<Data>, @ViewBuilder root: () -> C)
    where Data: MutableCollection & RandomAccessCollection & RangeReplaceableCollection, Data.Element: Hashable {}
}
public struct GeometryProxy { public var size: CGSize { nothing() } }
public struct GeometryReader<C: View>: _Leaf { public init(@ViewBuilder content: @escaping (GeometryProxy) -> C) {} }
public protocol TimelineSchedule {}
public struct PeriodicTimelineSchedule: TimelineSchedule {}
extension TimelineSchedule where Self == PeriodicTimelineSchedule {
    public static func periodic(from start: Date, by seconds: TimeInterval) -> PeriodicTimelineSchedule { nothing() }
}
public struct TimelineViewDefaultContext { public let date: Date }
public struct TimelineView<S: TimelineSchedule, C: View>: _Leaf {
    public typealias Context = TimelineViewDefaultContext
    public init(_ schedule: S, @ViewBuilder content: @escaping (Context) -> C) {}
}
public struct Section<C: View>: _Leaf { public init(@ViewBuilder content: () -> C) {} }

// Modifiers

public struct Edge {
    public struct Set: OptionSet, Sendable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }
        public static let top = Set(rawValue: 1), leading = Set(rawValue: 2), bottom = Set(rawValue: 4)
        public static let all = Set(rawValue: 15)
    }
}
public enum VerticalEdge: Sendable { case top, bottom }
public enum TextAlignment { case leading, center, trailing }
public enum ContentMode { case fit, fill }
public enum NavigationBarItem { public enum TitleDisplayMode { case automatic, inline, large } }
public struct TextInputAutocapitalization: Sendable {
    public static var never: TextInputAutocapitalization { nothing() }
}
public struct AccessibilityTraits: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    public static let isHeader = AccessibilityTraits(rawValue: 1), isImage = AccessibilityTraits(rawValue: 2)
}
public struct AccessibilityChildBehavior: Sendable {
    public static let ignore = Self(), combine = Self(), contain = Self()
}
public enum AccessibilityNotification {
    public struct Announcement {
        @_disfavoredOverload public init(_ text: String) {}
        public init(_ key: LocalizedStringKey) {}
        public func post() {}
    }
}
public struct SensoryFeedback: Equatable, Sendable {
    public static let success = Self(), warning = Self(), error = Self()
}

extension View {
    public func padding(_ length: CGFloat) -> some View { self }
    public func padding(_ edges: Edge.Set, _ length: CGFloat? = nil) -> some View { self }
    public func frame(width: CGFloat? = nil, height: CGFloat? = nil, alignment: Alignment = .center) -> some View {
        self
    }
    public func frame(
        minWidth: CGFloat? = nil, maxWidth: CGFloat? = nil, minHeight: CGFloat? = nil, maxHeight: CGFloat? = nil,
        alignment: Alignment = .center
    ) -> some View { self }
    public func scaledToFit() -> some View { self }
    public func fixedSize(horizontal: Bool, vertical: Bool) -> some View { self }
    public func aspectRatio(_ ratio: CGFloat?, contentMode: ContentMode) -> some View { self }
    public func background<S: ShapeStyle>(_ style: S) -> some View { self }
    public func background<S: ShapeStyle, H: InsettableShape>(_ style: S, in shape: H) -> some View { self }
    public func overlay<V: View>(alignment: Alignment = .center, @ViewBuilder content: () -> V) -> some View { self }
    public func overlay<V: View>(_ view: V) -> some View { self }
    public func foregroundStyle<S: ShapeStyle>(_ style: S) -> some View { self }
    public func tint(_ color: Color?) -> some View { self }
    public func font(_ font: Font?) -> some View { self }
    public func bold(_ isActive: Bool = true) -> some View { self }
    public func multilineTextAlignment(_ alignment: TextAlignment) -> some View { self }
    public func safeAreaInset<V: View>(edge: VerticalEdge, @ViewBuilder content: () -> V) -> some View { self }
    public func ignoresSafeArea() -> some View { self }
    public func simultaneousGesture<G: Gesture>(_ gesture: G) -> some View { self }
    public func disabled(_ isDisabled: Bool) -> some View { self }
    public func buttonStyle<S: PrimitiveButtonStyle>(_ style: S) -> some View { self }
    public func environment<V>(_ path: WritableKeyPath<EnvironmentValues, V>, _ value: V) -> some View { self }
    public func autocorrectionDisabled(_ isDisabled: Bool = true) -> some View { self }
    public func textInputAutocapitalization(_ kind: TextInputAutocapitalization?) -> some View { self }
    public func keyboardType(_ type: UIKeyboardType) -> some View { self }
    public func pickerStyle<S: PickerStyle>(_ style: S) -> some View { self }
    public func labelsHidden() -> some View { self }
    public func tag<V: Hashable>(_ tag: V) -> some View { self }
    public func fileImporter(
        isPresented: Binding<Bool>, allowedContentTypes: [UTType],
        onCompletion: @escaping (Result<URL, any Error>) -> Void
    ) -> some View { self }
    public func textContentType(_ type: UITextContentType?) -> some View { self }
    public func navigationBarTitleDisplayMode(_ mode: NavigationBarItem.TitleDisplayMode) -> some View { self }
    public func navigationBarBackButtonHidden(_ isHidden: Bool = true) -> some View { self }
    public func navigationDestination<D: Hashable, C: View>(
        for data: D.Type, @ViewBuilder destination: @escaping (D) -> C
    ) -> some View { self }
    public func onAppear(perform action: (() -> Void)? = nil) -> some View { self }
    public func onDisappear(perform action: (() -> Void)? = nil) -> some View { self }
    public func onChange<V: Equatable>(of value: V, initial: Bool = false, _ action: @escaping () -> Void) -> some View
    { self }
    public func onChange<V: Equatable>(of value: V, initial: Bool = false, _ action: @escaping (V, V) -> Void)
        -> some View
    { self }
    public func onOpenURL(perform action: @escaping (URL) -> Void) -> some View { self }
    public func task(_ action: @escaping @Sendable @isolated(any) () async -> Void) -> some View { self }
    public func sensoryFeedback<T: Equatable>(_ feedback: SensoryFeedback, trigger: T) -> some View { self }
    public func sensoryFeedback<T: Equatable>(trigger: T, _ feedback: @escaping (T, T) -> SensoryFeedback?) -> some View
    { self }
    public func accessibilityLabel(_ key: LocalizedStringKey) -> some View { self }
    @_disfavoredOverload public func accessibilityLabel<S: StringProtocol>(_ label: S) -> some View { self }
    public func accessibilityHidden(_ isHidden: Bool) -> some View { self }
    public func accessibilityAddTraits(_ traits: AccessibilityTraits) -> some View { self }
    public func accessibilityElement(children: AccessibilityChildBehavior = .ignore) -> some View { self }
}

// Views of UIKit

@MainActor @preconcurrency public protocol UIViewRepresentable: View where Body == Never {
    associatedtype UIViewType: UIView
    typealias Context = UIViewRepresentableContext<Self>
    func makeUIView(context: Context) -> UIViewType
    func updateUIView(_ view: UIViewType, context: Context)
}
extension UIViewRepresentable { public var body: Never { fatalError() } }
public struct UIViewRepresentableContext<V> {}
