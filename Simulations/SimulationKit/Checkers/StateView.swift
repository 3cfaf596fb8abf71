import ByteCoding
import Documents
import JSONCoding
import ReplicaStore

/// What a replica shows, as digests: one a document, and one of them all that follows from those.
///
/// Only the documents that changed are read again, so that looking costs as much as what happened.
struct StateView: Equatable {
  private struct Entry: Equatable {
    var digest: StateDigest
    var balance: Int64
  }

  /// Only looked up in.
  private var entries: [DocumentID: Entry] = [:]
  /// Those that are not deleted, sorted.
  private(set) var documents: [DocumentID] = []
  /// The sum over all documents: it does not depend on the order in which they came.
  private(set) var digest = StateDigest()
  /// What transfers have moved: nothing, unless half of one is missing.
  private(set) var balance: Int64 = 0

  /// A few letters that tell states apart at a glance.
  var digestText: String {
    String(unsafeUninitializedCapacity: 8) { target in
      for place in 0..<8 {
        let digit = UInt8(truncatingIfNeeded: digest.low >> UInt64(28 - 4 * place)) & 0xF
        target[place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
      }
      return 8
    }
  }

  /// - Parameters:
  ///   - documents: those that changed; nil for all.
  ///   - isRotten: whether documents may be damaged. They are left out, as by an application that
  ///     shows an error in their place.
  mutating func renew(
    _ documents: [DocumentID]?, from store: ReplicaStore, isRotten: Bool = false
  ) throws {
    if documents == nil { self = StateView() }
    for id in try documents ?? store.documents(includingDeleted: true).map(\.id) {
      do {
        try renew(id, from: store)
      } catch StoreError.damaged where isRotten {
        forget(id)
      }
    }
  }

  private mutating func forget(_ id: DocumentID) {
    if let old = entries.removeValue(forKey: id) {
      digest.subtract(old.digest)
      balance &-= old.balance
    }
    list(id, isListed: false)
  }

  private mutating func renew(_ id: DocumentID, from store: ReplicaStore) throws {
    guard let document = try store.documentLastSeen(id) else { return forget(id) }
    if let old = entries[id] {
      digest.subtract(old.digest)
      balance &-= old.balance
    }
    list(id, isListed: !document.isDeleted)
    var writer = ByteWriter(reservingCapacity: 2 * document.approximateBytes)
    document.appendCanonicalBytes(to: &writer)
    let moved = (try? document.json(at: Self.balancePath))?.integerValue ?? 0
    let entry = Entry(digest: StateDigest(of: writer.storage), balance: moved)
    entries[id] = entry
    digest.add(entry.digest)
    balance &+= entry.balance
  }

  private static let balancePath: DocumentPath = ["balance"]

  private mutating func list(_ id: DocumentID, isListed: Bool) {
    var low = 0
    var high = documents.count
    while low < high {
      let middle = (low + high) / 2
      if documents[middle] < id { low = middle + 1 } else { high = middle }
    }
    let isThere = low < documents.count && documents[low] == id
    if isListed, !isThere { documents.insert(id, at: low) }
    if !isListed, isThere { documents.remove(at: low) }
  }
}

/// 128 bits that tell states apart. Not cryptographic: nobody here wants two to collide.
struct StateDigest: Hashable {
  var low: UInt64 = 0
  var high: UInt64 = 0

  init() {}

  init(of bytes: [UInt8]) {
    var low: UInt64 = 0x243F_6A88_85A3_08D3 ^ UInt64(bytes.count)
    var high: UInt64 = 0x1319_8A2E_0370_7344
    bytes.withUnsafeBytes { bytes in
      var offset = 0
      while offset < bytes.count {
        var word: UInt64 = 0
        if offset + 8 <= bytes.count {
          word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        } else {
          for index in offset..<bytes.count {
            word |= UInt64(bytes[index]) << UInt64(8 * (index & 7))
          }
        }
        low = StateDigest.mix(low ^ word)
        high = StateDigest.mix(high &+ word &* 0x9E37_79B9_7F4A_7C15)
        offset += 8
      }
    }
    self.low = low
    self.high = high
  }

  private static func mix(_ word: UInt64) -> UInt64 {
    let product = (word ^ 0xA409_3822_299F_31D0).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
    return product.high ^ product.low
  }

  mutating func add(_ other: StateDigest) {
    low &+= other.low
    high &+= other.high
  }

  mutating func subtract(_ other: StateDigest) {
    low &-= other.low
    high &-= other.high
  }
}
