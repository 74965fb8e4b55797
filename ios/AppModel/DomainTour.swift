import Countersign
import Foundation

/// The screens of somebody who looks into other domains, with made-up content; what the core decides, it decides here too.
enum DomainTour {
    private static let noon: UInt64 = 1_795_694_400_000
    private static let day: UInt64 = 86_400_000
    private static let key = String(repeating: "7c1e9a5504b2d3f8a6e1c09b27d4f311", count: 2)
    private static let result = String(repeating: "2b90c64fd1e7a835", count: 4)
    private static let user = String(repeating: "a4e07d3c91b65f28", count: 4)
    private static let number = String(repeating: "5d3f8a6e1c09b27d", count: 4)
    private static let ana = "spiffe://north.example/domain-authority/ana"
    private static let lab = "spiffe://south.example/data-owner/lab"
    private static let ledgers = ["north.example", "south.example"].map { DomainLedger(domain: $0, asOfMillis: noon) }

    private static let sol = "spiffe://south.example/domain-authority/sol"

    private static func greeting(_ step: GreetingStep, by party: String) -> DomainGreeting {
        DomainGreeting(step: step, party: party, message: Data((0..<600).map { UInt8($0 % 251) }))
    }

    private static func licence(_ state: LicenceState, votes: LicenceVotes? = nil, revokes: Bool = false)
        -> DomainLicence
    {
        DomainLicence(
            thread: "urn:countersign:data:\(key):\(number)", key: key, from: "north.example", to: "south.example",
            user: user, operations: [.read, .derive], purpose: "HRESCH", askedMillis: noon - day, state: state,
            denial: nil, votes: votes, mayRevoke: revokes)
    }

    private static let view = DomainsView(
        member: ana, isShared: true, isAtFault: false, standing: .own, ledgers: ledgers,
        data: [
            DomainData(
                key: key, owner: lab, policy: "allow read, derive for HRESCH, TREAT from north.example level 2",
                atMillis: noon - 40 * day, isValid: true)
        ],
        people: [DomainPerson(user: user, isOwn: true, domain: "south.example", level: 2, untilMillis: noon + 20 * day)],
        licences: [
            licence(.voting, votes: LicenceVotes(yes: 50, no: 0)),
            licence(.granted(untilMillis: noon + 7 * day), revokes: true),
        ])

    private static func access(_ operation: DataOp, _ findings: [AccessFinding] = []) -> DataAccess {
        DataAccess(
            domain: "south.example", user: user, from: "north.example", operation: operation,
            atMillis: noon - day / 2, licence: number, purpose: "HRESCH", findings: findings)
    }

    private static func state(
        _ id: String, _ step: DataStep, of parents: [String] = [], key: String = key, in domain: String,
        by actor: String, isProven: Bool = true
    ) -> TracedData {
        TracedData(
            id: id, key: key, parents: parents, step: step, domain: domain, actor: actor,
            atMillis: noon - 30 * day, isProven: isProven, isValid: true)
    }

    private static let trace = DataTrace(
        key: key,
        states: [
            state("1", .create, in: "south.example", by: lab),
            state("2", .modify, of: ["1"], in: "south.example", by: lab),
            state("3", .share, of: ["2"], in: "north.example", by: user),
            state("4", .derive, of: ["2"], key: result, in: "north.example", by: user),
            state("5", .derive, of: ["4", "3"], key: result, in: "west.example", by: user, isProven: false),
        ],
        missing: 0, refused: 0, isWhole: true, isAtFault: false, ledgers: ledgers)

    static let screens: [Screen] = {
        let all = domainsScreen(view: view)
        let list = [access(.read), access(.share, [.operation])]
        let accesses = DataAccesses(key: key, holder: "south.example", list: list, ledgers: ledgers)
        let data = all.data[0]
        var screens: [AtDomain] = [.all(all), .data(data)]
        let (vouch, challenge) = (greeting(.vouch, by: ana), greeting(.challenge, by: sol))
        if let shown = try? greetingScreen(greeting: vouch, isOwn: true),
            let came = try? greetingScreen(greeting: challenge, isOwn: false)
        {
            screens += [.greeting(vouch, shown), .greeting(challenge, came)]
        }
        if let ask = data.ask { screens.append(.asking(ask)) }
        screens += all.licences.map { .licence($0) }
        screens += [
            .revoking(all.licences[1]), .trace(key, traceScreen(trace: trace)),
            .accesses(key, dataAccessesScreen(accesses: accesses)),
        ]
        return screens.map { .atDomain($0) }
    }()
}
