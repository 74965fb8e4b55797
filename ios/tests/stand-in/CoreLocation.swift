// Declarations of what the app uses of CoreLocation.
import Foundation

public struct CLLocationCoordinate2D { public var latitude, longitude: Double }
public final class CLLocation: NSObject {
    public var coordinate: CLLocationCoordinate2D { fatalError("a stand-in") }
}
public typealias CLLocationAccuracy = Double
public let kCLLocationAccuracyKilometer: CLLocationAccuracy = 1000
public protocol CLLocationManagerDelegate: NSObjectProtocol {
    func locationManager(_ manager: CLLocationManager, didUpdateLocations locations: [CLLocation])
    func locationManager(_ manager: CLLocationManager, didFailWithError error: any Error)
}
public final class CLLocationManager: NSObject {
    public weak var delegate: (any CLLocationManagerDelegate)?
    public var desiredAccuracy: CLLocationAccuracy = 0
    public func requestWhenInUseAuthorization() {}
    public func requestLocation() {}
}
