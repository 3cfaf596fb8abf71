import ByteCoding
import Causality
import ChangeCoding
package import Documents
import SQLiteBridge
import SegmentStore

// A document of which what is stored is damaged, and that nothing here can make again as the
// segments with its changes are damaged too or dropped: another replica gives what it holds of it,
// and what has happened here since is put on top.
extension ReplicaStore {
  /// The documents that another replica has to give again, sorted.
  package var lostDocuments: [DocumentID] { damage.documents.sorted() }

  /// Notes that a document could not be opened, nor made again.
  func noteLost(_ id: DocumentID) {
    damage.note(lost: id, limit: Self.lostDocumentsMax)
  }

  /// Beyond this many, the rest is found when these are whole again.
  private static let lostDocumentsMax = 1_000

  /// What is larger is given to nobody by itself: it would hold up everything else on a link.
  package static let givenDocumentBytesMax = 8 << 20

  /// A segment has come again: of what was lost, some can be made of it.
  package func lookAtLost() throws(StoreError) {
    let lost = lostDocuments.prefix(Self.lookedAtMax)
    guard !lost.isEmpty else { return }
    for id in lost where (try? document(id)) != nil { damage.documents.remove(id) }
    try saveDamage()
  }

  private static let lookedAtMax = 16

  /// Within a transaction for writing: a document is whole again.
  func noteWhole(_ id: DocumentID) throws(StoreError) {
    if damage.documents.remove(id) != nil { try writeDamage() }
  }

  /// Takes what another replica holds of a document that is lost here, and writes the document
  /// anew. Outside of transactions.
  ///
  /// What came is another member's word: it is read as strictly as what is stored; of its changes
  /// those count that are applied here and not stored, as what is stored was signed by whom it is
  /// of; and it must know all that was dropped here, and what is stored must fit it. What it says
  /// of what was dropped, or was folded there, is believed like a snapshot.
  ///
  /// - Returns: the documents that have changed, as what waited is applied too; nil when the
  ///   document is lost no more.
  /// - Throws: `.refused` when what came does not hold it all, or cannot be read; `.damaged` when
  ///   changes that are stored here cannot be: another replica may do, or the same one later.
  /// - Complexity: O(history of the document, and all changes stored here).
  package func takeLost(
    _ id: DocumentID, from parts: [SnapshotPart]
  ) throws(StoreError) -> [DocumentID]? {
    guard damage.documents.contains(id) else { return nil }
    let given = try GivenDocument(id, parts)
    let isDone = try write { () throws(StoreError) in
      guard let row = try row(of: id) else {
        try noteWhole(id)
        return false
      }
      privateFirsts = try privateOrigins()
      try write(try entry(of: id, row, given), given)
      cache.remove(id)
      // What waited for it need not wait any more.
      brokenDocuments[id] = nil
      lanes.removeAll()
      try markUnprojected([id])
      return true
    }
    guard isDone else { return nil }
    var progress = Progress()
    if try waitingCount() > 0 {
      try apply(&progress, .large)
      try applyRest(&progress)
    }
    return progress.documents.union([id]).sorted()
  }

  private func entry(
    of id: DocumentID, _ row: DocumentCache.Row, _ given: GivenDocument
  ) throws(StoreError) -> DocumentCache.Entry {
    let history = try history(of: id, given)
    let document: Document
    do throws(MergeError) {
      document = try Document(history: history)
    } catch {
      throw .refused("Document \(id) cannot be made of what came (\(error)).")
    }
    document.releaseHistory()
    let entry = DocumentCache.Entry(document, row)
    entry.position = max(row.position, try lastTailPosition(of: row.number))
    entry.hasUnknown = history.hasUnknownOperations
    entry.isBranched = row.isBranched || given.document.isBranched
    entry.rebuilt = history
    return entry
  }

  /// What was given, as far as it is applied here, and what was stored here since.
  private func history(
    of id: DocumentID, _ given: GivenDocument
  ) throws(StoreError) -> DocumentHistory {
    let dropped = try segmentFloor()
    guard given.version.covers(dropped), state.applied.covers(given.floor) else {
      throw .refused("What came of document \(id) is of another version than what is here.")
    }
    var (history, edits) = try given.history(in: self)
    let cause = StoreError.damaged("changes of document \(id) cannot be read")
    let stored = try storedEdits(of: id, behind: dropped, because: cause)
      .filter { !given.floor.contains($0.change) }
    let signed = Set(stored.map(\.change))
    edits.removeAll { !isHere($0.change) || signed.contains($0.change) }
    edits += stored
    // Whatever a change builds on has a smaller Lamport time.
    edits.sort { ($0.lamport, $0.change) < ($1.lamport, $1.change) }
    do throws(MergeError) {
      try history.append(contentsOf: edits)
    } catch {
      throw .refused("What came of document \(id) does not fit what is here (\(error)).")
    }
    guard stored.allSatisfy({ history.lastVersion(of: $0.change) != nil }) else {
      throw .refused("What came of document \(id) lacks what changes that are here build on.")
    }
    return history
  }

  /// Within a transaction for writing.
  private func write(
    _ entry: DocumentCache.Entry, _ given: GivenDocument
  ) throws(StoreError) {
    guard let history = entry.rebuilt else { return }
    let floor = given.base == nil ? nil : try floorNumber(of: given.floor)
    try sql { () throws(SQLiteError) in
      try connection.execute("DELETE FROM document_base WHERE document = ?", .integer(entry.row))
      if let base = given.base, let floor {
        try connection.execute(
          "INSERT INTO document_base VALUES (?, ?, ?, ?)", .integer(entry.row), .integer(floor),
          .integer(Int64(CRC32C.checksum(base))), .blob(base))
      }
      try connection.execute(
        "UPDATE document SET is_deleted = ?, is_branched = ? WHERE id = ?",
        entry.document.isDeleted ? 1 : 0, entry.isBranched ? 1 : 0, .integer(entry.row))
    }
    if floor != nil { try keepFolding() }
    try write(entry, rebuiltFrom: history, and: [])
  }
}

/// A document that another replica holds, with what it was folded from and what the replica had
/// applied.
private struct GivenDocument {
  let id: DocumentID
  let document: SnapshotDocument
  let version: VersionVector
  /// The version at which it was folded; empty where it was not.
  let floor: VersionVector
  /// Its state there; nil where it was not folded.
  let base: [UInt8]?

  init(_ id: DocumentID, _ parts: [SnapshotPart]) throws(StoreError) {
    self.id = id
    var bytes: [SnapshotPart.Kind: [UInt8]] = [:]
    for piece in parts.lazy.flatMap(\.pieces) {
      guard piece.kind != .document || piece.key == id.bytes else {
        throw .refused("Another document than \(id) came.")
      }
      bytes[piece.kind, default: []] += piece.bytes
    }
    do throws(ByteDecodingError) {
      document = try SnapshotDocument(decoding: bytes[.document] ?? [])
      version = try Self.vector(bytes[.version] ?? [])
      guard let folded = document.base else {
        (floor, base) = (VersionVector(), nil)
        return
      }
      floor = try Self.vector(bytes[.floor] ?? [])
      base = folded.state ?? document.state
      guard base != nil, ReplicaStore.key(of: floor) == folded.floor else {
        throw ByteDecodingError(.invalidValue, "floor")
      }
    } catch {
      throw .refused("What came of document \(id) cannot be read (\(error)).")
    }
  }

  private static func vector(_ bytes: [UInt8]) throws(ByteDecodingError) -> VersionVector {
    var reader = ByteReader(bytes)
    let vector = try VersionVector(from: &reader)
    try reader.finish("version")
    return vector
  }

  /// What its history begins with, and the edits since.
  func history(
    in store: ReplicaStore
  ) throws(StoreError) -> (start: DocumentHistory, edits: [IncomingEdit]) {
    do {
      let start =
        try base.map { try DocumentHistory(id, from: $0, at: floor) }
        ?? DocumentHistory(document: id)
      var history = start
      for block in document.history { try store.append(block, to: &history) }
      for item in document.tail {
        try history.append(
          contentsOf: [IncomingEdit](decoding: item.block, document: id, in: store.language))
      }
      return (start, history.edits())
    } catch {
      throw .refused("What came of document \(id) cannot be read (\(error)).")
    }
  }
}
