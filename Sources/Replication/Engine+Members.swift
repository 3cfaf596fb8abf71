import Causality
import Documents
package import ReplicaStore
import Sealing
package import Segments
import SyncProtocol

// Who belongs to the workspace: records are exchanged, kept and told on; those who ask to join are
// taken in by the device that invited them.
extension Engine {
  /// Gives out an invitation that works once, and tells the peers of it.
  package func invite(
    role: Role, expiresMillis: UInt64, at instant: EngineInstant
  ) throws(StoreError) -> (code: String, effects: [Effect]) {
    let before = store.membership
    let invitation = try store.invite(
      role: role, expiresMillis: expiresMillis, entropy: entropy)
    let effects = input(at: instant) {
      forward(store.membership.records.filter { !before.contains($0.hash) }, except: nil)
    }
    return (invitation.code, effects)
  }

  /// Keeps records from a peer and tells the others.
  func keep(_ bytes: [[UInt8]], _ connection: Connection) {
    var parsed: [MembershipRecord] = []
    for record in bytes {
      do throws(MembershipError) {
        let record = try MembershipRecord(parsing: record)
        guard record.workspace == store.identity.workspace else { throw .wrongWorkspace }
        parsed.append(record)
      } catch {
        log(.error, "from \(connection.place): a membership record was refused: \(error)")
        session(connection.id) {
          $0.report(Status(.invalidRecord, "a membership record was refused: \(error)"), now: now)
        }
      }
    }
    do throws(StoreError) {
      let joiner = connection.isJoiner ? connection.peerKey : nil
      let fresh = try store.addRecords(parsed, ofJoiner: joiner)
      forward(fresh, except: connection.id)
      tellReadAnew()
      react()
    } catch {
      if case .membership(let reason) = error {
        log(.error, "from \(connection.place): \(reason)")
        session(connection.id) {
          $0.report(Status(.invalidRecord, "\(reason)"), now: now)
        }
      } else {
        fail(connection, error)
      }
    }
  }

  /// Tells the links of new records.
  func forward(_ records: [MembershipRecord], except source: LinkID?) {
    guard !records.isEmpty else { return }
    let bytes = records.map(\.bytes)
    membershipDigest = store.membership.digest
    for id in sortedLinks where id != source {
      session(id) { $0.recordsAdded(bytes, digest: membershipDigest.array, now: now) }
    }
    emit(.membershipChanged)
  }

  /// Another process has kept records: nobody knows which the links have, so they get all.
  func membershipChangedOutside() {
    guard store.membership.digest != membershipDigest else { return }
    forward(store.membership.records, except: nil)
    react()
  }

  /// Does what follows from the membership as it is now.
  func react() {
    admitJoiners()
    openGates()
    if store.isAdmitted, !wasAdmitted {
      wasAdmitted = true
      log(.info, "this device is a member of the workspace now")
      emit(.admitted)
    }
    askForUnverified()
    followDeclaration()
  }

  /// Takes in those who ask on invitations of this device.
  private func admitJoiners() {
    admitAgainAt = nil
    let ours = store.identity.device.publicKey
    for request in store.membership.requests(for: ours)
    where refusedRequests[request.hash] == nil {
      let now = UInt64(max(0, instant.wall.milliseconds))
      do throws(StoreError) {
        let fresh = try store.makeRecords { (membership, identity) throws(MembershipError) in
          [try membership.admit(request.hash, by: identity.device, nowMillis: now)]
        }
        log(.info, "the device \(request.device) has joined the workspace")
        forward(fresh, except: nil)
      } catch {
        switch error {
        case .membership, .notPermitted:
          refusedRequests[request.hash] = "\(error)"
          log(.warning, "the device \(request.device) may not join: \(error)")
        default:
          // The store was busy or has failed, which says nothing about the request.
          admitAgainAt = self.now + 1_000
          log(.error, "the device \(request.device) could not be taken in yet: \(error)")
        }
      }
    }
  }

  private func openGates() {
    for id in sortedLinks {
      guard let connection = links[id], let key = connection.peerKey,
        let session = connection.link.session, !session.isRunning
      else { continue }
      if store.membership.device(key) != nil {
        self.session(id) { $0.open(now: now) }
      } else if connection.isJoiner, !connection.hasReportedJoin {
        reportJoin(connection, key)
      }
    }
  }

  /// Tells who asks to join why it is not taken in at once.
  private func reportJoin(_ connection: Connection, _ key: SigningKey.Public) {
    if let request = store.membership.requests.first(where: { $0.device == key }) {
      connection.hasReportedJoin = true
      if let reason = refusedRequests[request.hash] {
        refuse(connection, Status(.joinRefused, reason))
      } else {
        session(connection.id) {
          $0.report(
            Status(
              .joinPending,
              "the request to join is kept; it waits for the device that made the invitation"),
            now: now)
        }
      }
    } else if case .joiner(let invite, let device)? = connection.link.peer,
      let user = store.membership.invite(invite)?.usedBy, user != device
    {
      refuse(
        connection, Status(.joinRefused, "the invitation was used already; ask for a new one"))
    }
  }

  /// The author of segments that were left out may be known now.
  private func askForUnverified() {
    let waiting = unverified
    unverified = []
    for (id, origin) in waiting {
      guard (try? store.membership.verifier(for: origin)) != nil else {
        unverified.append((id, origin))
        continue
      }
      let want = Want(origin: origin, from: stored[origin] + 1)
      session(id) { $0.missing([want], isAgain: true, now: now) }
    }
  }
}
