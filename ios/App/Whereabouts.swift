import AppModel
import CoreLocation
import Foundation

/// Where the phone is, to about a kilometre: for a courier who wants it said in what they sign.
final class Whereabouts: NSObject, CLLocationManagerDelegate, @unchecked Sendable {
    /// Made on the main thread, to which its manager belongs.
    static let shared = Whereabouts()
    private static let longest = 3.0

    private let manager = CLLocationManager()
    /// Guards everything below.
    private let lock = NSLock()
    private var waiting: DispatchSemaphore?
    private var found: String?

    private override init() {
        super.init()
        manager.delegate = self
        manager.desiredAccuracy = kCLLocationAccuracyKilometer
    }

    func ask() { manager.requestWhenInUseAuthorization() }

    /// Nothing where it is not allowed or cannot be told soon: a handover does not wait for it. Not for the main thread.
    func said() -> String? {
        let told = DispatchSemaphore(value: 0)
        lock.withLock { (waiting, found) = (told, nil) }
        DispatchQueue.main.async { self.manager.requestLocation() }
        _ = told.wait(timeout: .now() + Self.longest)
        return lock.withLock {
            waiting = nil
            return found
        }
    }

    func locationManager(_ manager: CLLocationManager, didUpdateLocations locations: [CLLocation]) {
        let place = locations.last?.coordinate
        tell(place.map { roughly(latitude: $0.latitude, longitude: $0.longitude) })
    }

    func locationManager(_ manager: CLLocationManager, didFailWithError error: any Error) { tell(nil) }

    private func tell(_ place: String?) {
        lock.withLock {
            found = place
            waiting?.signal()
        }
    }
}
