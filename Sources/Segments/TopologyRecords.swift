import ByteCoding
package import Sealing

/// A part of a sealed declaration of links, as one membership record carries it.
package struct TopologyPart: Hashable, Sendable {
  /// What a record of 1,024 bytes has room for.
  static let payloadBytes =
    MembershipRecord.bytesMax - MembershipRecord.headerByteCount - Signature.byteCount
  package static let countMax: UInt8 = 128

  /// Its place among the parts, from 0.
  package let number: UInt8
  package let count: UInt8
  /// Of the first part: the declaration that this one takes the place of; zeros for none.
  package let replaces: Digest
  let slice: [UInt8]

  /// Cuts a sealed declaration; nil when it is too long.
  static func cut(_ sealed: [UInt8], replacing replaced: Digest) -> [TopologyPart]? {
    let room = payloadBytes - headerByteCount(of: 1)
    let first = min(sealed.count, payloadBytes - headerByteCount(of: 0))
    let rest = sealed.count - first
    guard let count = UInt8(exactly: 1 + (rest + room - 1) / room), count <= countMax else {
      return nil
    }
    var parts = [
      TopologyPart(
        number: 0, count: count, replaces: replaced, slice: Array(sealed.prefix(first)))
    ]
    for number in 1..<max(count, 1) {
      let start = first + (Int(number) - 1) * room
      let slice = Array(sealed[start..<min(start + room, sealed.count)])
      parts.append(TopologyPart(number: number, count: count, replaces: .zero, slice: slice))
    }
    return parts
  }

  private static func headerByteCount(of number: UInt8) -> Int {
    number == 0 ? 2 + Bytes32.byteCount : 2
  }

  func write(to writer: inout ByteWriter) {
    writer.write(number)
    writer.write(count)
    if number == 0 { replaces.write(to: &writer) }
    writer.write(raw: slice)
  }

  /// All parts but the last fill their records.
  init(from reader: inout ByteReader) throws(ByteDecodingError) {
    let payload = reader.remaining
    number = try reader.readByte("number of a part")
    count = try reader.readByte("count of parts")
    guard number < count, count <= Self.countMax else {
      throw ByteDecodingError(.invalidValue, "count of parts")
    }
    replaces = number == 0 ? try Digest(from: &reader, "replaced topology") : .zero
    guard reader.remaining > 0, number == count - 1 || payload == Self.payloadBytes else {
      throw ByteDecodingError(.invalidValue, "part of a topology")
    }
    slice = try reader.readRaw(reader.remaining, "part of a topology")
  }

  private init(number: UInt8, count: UInt8, replaces: Digest, slice: [UInt8]) {
    self.number = number
    self.count = count
    self.replaces = replaces
    self.slice = slice
  }
}

/// A declaration of links that is whole, and that only members can read.
package struct SealedTopology: Hashable, Sendable {
  /// The hash of its last record.
  package let name: Digest
  package let author: SigningKey.Public
  /// The one that it takes the place of; zeros for none.
  package let replaces: Digest
  /// How many declarations it takes the place of, one after the other.
  package let depth: Int
  let sealed: [UInt8]

  package var keyEpoch: UInt32 { sealed.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }

  static func seal(
    _ declaration: TopologyDeclaration, replacing replaced: Digest,
    by author: SigningKey.Public, key: WorkspaceKey, keyEpoch: UInt32, entropy: Entropy
  ) -> [UInt8] {
    var body = declaration.encoded()
    let count = body.count
    let padded = Padme.paddedCount(ofBody: count)
    body.append(contentsOf: repeatElement(0, count: padded - count))
    body.withUnsafeMutableBytes { Padme.pad($0, body: count) }
    var writer = ByteWriter()
    writer.write(fixed: keyEpoch)
    writer.write(
      raw: key.topologyKey.seal(
        body, associatedData: author.array + replaced.array, entropy: entropy))
    return writer.bytes
  }

  /// - Throws: `sealedTopology` with another key, and for what a later release has declared.
  package func open(with key: WorkspaceKey) throws(MembershipError) -> TopologyDeclaration {
    do {
      var body = try key.topologyKey.open(
        Array(sealed.dropFirst(4)), associatedData: author.array + replaces.array, "topology")
      try Padme.removePadding(from: &body, "topology")
      return try TopologyDeclaration(decoding: body)
    } catch {
      throw .sealedTopology
    }
  }
}

/// Declarations of links among the records that count: their parts put together, and which of them
/// holds.
///
/// Each names the one that it takes the place of, so how far it is from the first is counted and
/// not claimed: nobody can make one that all later ones would have to beat. The farthest holds, and
/// of equally far ones that of the lower name. One whose predecessor is not known has no effect.
struct TopologyFold: Sendable {
  /// A part, which stands for those before it too. Any number of parts may follow one.
  private struct Part {
    var previous: Digest
    var number: UInt8
    var count: UInt8
    var replaces: Digest
    var slice: [UInt8]
  }

  private struct Whole {
    /// The hash of its last record.
    var name: Digest
    var author: SigningKey.Public
    var replaces: Digest
    var depth = 0
  }

  /// By the hash of the record.
  private var parts: [Digest: Part] = [:]
  private var whole: [Whole] = []

  /// Takes a record of a writer's chain, after the one before it.
  mutating func add(_ part: TopologyPart, _ record: MembershipRecord) {
    var replaces = part.replaces
    if part.number > 0 {
      guard let before = parts[record.previous], before.number + 1 == part.number,
        before.count == part.count
      else { return }
      replaces = before.replaces
    }
    parts[record.hash] = Part(
      previous: record.previous, number: part.number, count: part.count, replaces: replaces,
      slice: part.slice)
    if part.number + 1 == part.count {
      whole.append(Whole(name: record.hash, author: record.author, replaces: replaces))
    }
  }

  /// All are added: leaves those that count, the one that holds first. Complexity: O(n log n).
  mutating func rank() {
    var successors: [Digest: [Whole]] = [:]
    for topology in whole { successors[topology.replaces, default: []].append(topology) }
    whole = []
    var agenda = successors[.zero] ?? []
    while let next = agenda.popLast() {
      for var successor in successors[next.name] ?? [] {
        successor.depth = next.depth + 1
        agenda.append(successor)
      }
      whole.append(next)
    }
    whole.sort { ($1.depth, $0.name) < ($0.depth, $1.name) }
  }

  /// In their order, each put together when it is asked for: many may share parts.
  var ranked: some RandomAccessCollection<SealedTopology> {
    whole.lazy.map { whole in
      SealedTopology(
        name: whole.name, author: whole.author, replaces: whole.replaces, depth: whole.depth,
        sealed: sealed(endingWith: whole.name))
    }
  }

  private func sealed(endingWith last: Digest) -> [UInt8] {
    var slices: [[UInt8]] = []
    var name = last
    while let part = parts[name] {
      slices.append(part.slice)
      if part.number == 0 { break }
      name = part.previous
    }
    return slices.reversed().flatMap { $0 }
  }
}
