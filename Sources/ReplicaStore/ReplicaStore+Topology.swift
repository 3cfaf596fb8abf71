package import Sealing
package import Segments

/// The declaration of links that holds, and who has made it.
package struct HeldTopology: Sendable {
  package let declaration: TopologyDeclaration
  package let author: SigningKey.Public
  /// The hash of its last record.
  package let name: Digest
}

extension ReplicaStore {
  /// The declaration of links that holds, of those that this release and this key can read; nil
  /// when there is none. Complexity: O(its length), opening it.
  package var topology: HeldTopology? { topologies(limit: 1).first }

  /// The same with others that count, in their order: so many at most. It looks at no more than
  /// ``topologiesReadMax``, however many there are that cannot be read.
  package func topologies(limit: Int) -> [HeldTopology] {
    var found: [HeldTopology] = []
    for sealed in membership.topologies.prefix(Self.topologiesReadMax) {
      guard found.count < limit else { break }
      do throws(MembershipError) {
        found.append(
          HeldTopology(
            declaration: try sealed.open(with: identity.key), author: sealed.author,
            name: sealed.name))
      } catch {
        continue
      }
    }
    return found
  }

  private static let topologiesReadMax = 64

  /// Declares which links the members keep.
  ///
  /// - Returns: the records that say so.
  /// - Throws: `.membership`, `.database`.
  package func declareTopology(
    _ declaration: TopologyDeclaration, entropy: Entropy
  ) throws(StoreError) -> [MembershipRecord] {
    try makeRecords { (membership, identity) throws(MembershipError) in
      try membership.declare(
        declaration, by: identity.device, key: identity.key, keyEpoch: identity.keyEpoch,
        entropy: entropy)
    }
  }
}
