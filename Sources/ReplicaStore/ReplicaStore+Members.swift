package import Causality
package import Sealing
import SegmentStore
package import Segments

extension ReplicaStore {
  /// Whether this device writes under the origin, or ever did.
  package func isOwn(_ origin: Origin) -> Bool {
    origin == identity.origin
      || membership.device(owning: origin)?.key == identity.device.publicKey
  }

  /// What this device may do. Until it is admitted, what its invitation promises.
  package var role: Role {
    membership.device(identity.device.publicKey)?.role ?? identity.invitation?.role ?? .reader
  }

  /// Whether this device is a member, as far as is known here.
  package var isAdmitted: Bool { membership.device(identity.device.publicKey) != nil }

  /// Checks that a segment belongs to this workspace and that its origin's owner, who may write,
  /// has signed it.
  ///
  /// - Throws: `.notPermitted`, `.membership`, `.segment`.
  package func verify(_ segment: Segment) throws(StoreError) {
    guard segment.header.workspace == identity.workspace else {
      throw .notPermitted("The segment belongs to another workspace.")
    }
    let key: SigningKey.Public
    do throws(MembershipError) {
      key = try membership.verifier(for: segment.header.origin)
    } catch {
      throw .membership(error)
    }
    do throws(SegmentError) { try segment.verifySignature(by: key) } catch { throw .segment(error) }
  }

  /// Keeps membership records of others that count here. One that waits for records which nobody
  /// has sent is left out: kept and told on, such records would fill the workspace for good.
  ///
  /// - Parameter joiner: the device that sent them, when it only asks to join: of such a one its
  ///   request is kept and nothing else, unless the records show that it is a member.
  /// - Returns: those that are new.
  /// - Throws: `.membership`, `.database`.
  package func addRecords(
    _ records: [MembershipRecord], ofJoiner joiner: SigningKey.Public? = nil
  ) throws(StoreError) -> [MembershipRecord] {
    guard records.contains(where: { !membership.contains($0.hash) }) else { return [] }
    return try write { () throws(StoreError) in
      let fresh = try insert(try meaningful(records, joiner))
      // Nobody sees what was taken back missing, but what has to wait.
      if !documentsReadAnew.isEmpty {
        var progress = Progress()
        try prepareToApply()
        while hasReadyChanges { try pump(having: [], .large, &progress) }
        documentsReadAnew.formUnion(progress.documents)
      }
      return fresh
    }
  }

  private func meaningful(
    _ records: [MembershipRecord], _ joiner: SigningKey.Public?
  ) throws(StoreError) -> [MembershipRecord] {
    do throws(MembershipError) {
      let counting = try membership.counting(records)
      guard let joiner, counting.grown.device(joiner) == nil else { return counting.records }
      guard !membership.requests.contains(where: { $0.device == joiner }) else { return [] }
      let request = records.first {
        if case .request(joiner, _, _, _) = $0.content { true } else { false }
      }
      return try request.map { (request) throws(MembershipError) in
        try membership.counting([request]).records
      } ?? []
    } catch {
      throw .membership(error)
    }
  }

  /// Makes membership records on the newest membership and keeps them, in one transaction, so that
  /// no two processes of a device put different records at the same place of its chain.
  ///
  /// - Returns: those that are new.
  package func makeRecords(
    _ body: (Membership, StoreIdentity) throws(MembershipError) -> [MembershipRecord]
  ) throws(StoreError) -> [MembershipRecord] {
    try write { () throws(StoreError) in
      let records: [MembershipRecord]
      do throws(MembershipError) {
        records = try body(membership, identity)
      } catch {
        throw .membership(error)
      }
      return try insert(records)
    }
  }

  /// Gives out an invitation that works once.
  ///
  /// - Throws: `.membership` for a device that may not invite.
  package func invite(
    role: Role, expiresMillis: UInt64, entropy: Entropy
  ) throws(StoreError) -> Invitation {
    var made: Invitation?
    _ = try makeRecords { (membership, identity) throws(MembershipError) in
      let (record, invitation) = try membership.makeInvitation(
        by: identity.device, role: role, expiresMillis: expiresMillis, key: identity.key,
        keyEpoch: identity.keyEpoch, entropy: entropy)
      made = invitation
      return [record]
    }
    guard let made else { throw .notPermitted("No invitation was made.") }
    return made
  }

  func insert(
    _ records: [MembershipRecord], heedsStatements: Bool = true
  ) throws(StoreError) -> [MembershipRecord] {
    var fresh: [MembershipRecord] = []
    let names = try branchNames()
    do throws(MembershipError) {
      fresh = try membership.insert(records)
    } catch {
      throw .membership(error)
    }
    try stored { () throws(SegmentStoreError) in
      for record in fresh {
        _ = try segments.insertMembership(record.bytes, hash: record.hash)
      }
    }
    try noteOwnRecords()
    if heedsStatements {
      try heedStatements(in: fresh, before: names)
    } else {
      knownBranchNames = nil
    }
    return fresh
  }
}

extension Membership {
  /// Those of the records that are new and wait for none, and the membership with all of them.
  fileprivate func counting(
    _ records: [MembershipRecord]
  ) throws(MembershipError) -> (records: [MembershipRecord], grown: Membership) {
    var grown = self
    let fresh = try grown.insert(records)
    let waiting = Set(grown.waiting.map(\.hash))
    return (fresh.filter { !waiting.contains($0.hash) }, grown)
  }
}
