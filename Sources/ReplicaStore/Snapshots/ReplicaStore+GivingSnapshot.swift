import ByteCoding
import Causality
import ChangeCoding
package import Documents
import SQLiteBridge
import Sabotages
import Sealing
import SegmentStore
import Segments

/// What a snapshot of a store holds.
package struct SnapshotFigures: Equatable, Sendable {
  /// The highest number of an operation that the giving release knows.
  package var language: UInt64
  package var documents: UInt64
  package var changes: UInt64

  /// Of the layout of parts and of what is in them.
  package static let format: UInt64 = 1
}

// A snapshot is given in parts, each read by itself: nobody holds the store's view meanwhile, and
// whoever takes it can be cut off and go on. Documents that change while it goes on are given again
// at the end, so that the last part shows one state: that of its header.
extension ReplicaStore {
  /// What a snapshot of the store would hold. Complexity: O(log documents).
  package func snapshotFigures() throws(StoreError) -> SnapshotFigures {
    try reading { () throws(StoreError) in
      // Rows are never removed, so the last one counts them.
      let documents = try sql { () throws(SQLiteError) in
        try connection.queryInteger("SELECT max(id) FROM document") ?? 0
      }
      return SnapshotFigures(
        language: highestOperation, documents: UInt64(clamping: documents),
        changes: UInt64(clamping: state.position))
    }
  }

  /// The highest number of an operation that this release knows.
  package var highestOperation: UInt64 { language.highestCode }

  /// The next parts of a snapshot, about as many as fill a budget.
  ///
  /// Complexity: O(bytes of the parts), and O(changes since the round began) once all documents
  /// have been given.
  ///
  /// - Parameter cursor: that of the last part that was taken; what this store has not written
  ///   begins anew.
  /// - Returns: nothing while there are changes that nobody else may know of yet: ask again.
  /// - Throws: `.damaged` when a document is, which must not spread.
  package func snapshotParts(
    after cursor: [UInt8], byteBudget: Int
  ) throws(StoreError) -> [SnapshotPart] {
    try reading { () throws(StoreError) in
      guard try privateChanges().count == 0 else { return [] }
      let total = try snapshotFigures().documents
      let rows = try installation()
      let known = SnapshotCursor(decoding: cursor).flatMap {
        $0.origin == identity.origin && $0.until <= state.position && $0.installation == rows
          ? $0 : nil
      }
      var writer = SnapshotWriter(
        documentCount: total, isFirst: known == nil,
        partBytes: min(max(byteBudget, 1_024), SnapshotPart.bytesAim),
        cursor: known
          ?? SnapshotCursor(
            origin: identity.origin, installation: rows, until: state.position))
      // The last rounds must end before anything else changes.
      let budget =
        writer.cursor.since > 0 ? max(byteBudget, Self.lastRoundBytesMax) : byteBudget
      while writer.byteCount < budget {
        if try giveSome(to: &writer, budget) { continue }
        guard writer.cursor.until < state.position, !Sabotage.giveTornSnapshot.isPlanted else {
          writer.add(branches: try knownBranches())
          writer.finish(with: try snapshotHeader())
          break
        }
        writer.cursor.since = writer.cursor.until
        writer.cursor.until = state.position
        writer.cursor.row = .max
      }
      return writer.parts()
    }
  }

  private static let lastRoundBytesMax = 8 << 20
  private static let rowsAtOnce: Int64 = 256

  /// - Returns: false when the round is at its end.
  private func giveSome(
    to writer: inout SnapshotWriter, _ budget: Int
  ) throws(StoreError) -> Bool {
    let rows = try rowsToGive(writer.cursor)
    for (row, id) in rows {
      guard writer.byteCount < budget else { return true }
      let document = try snapshotDocument(of: row, id)
      if let floor = document.base?.floor, !writer.hasFloor(floor) {
        guard let vector = try floorsByKey()[floor] else {
          throw .damaged("nothing is known of the version at which document \(id) was folded")
        }
        writer.add(floor: vector, key: floor)
      }
      writer.add(document, id, in: row, budget)
    }
    return !rows.isEmpty
  }

  /// The next rows of a round, the last ones first.
  private func rowsToGive(
    _ cursor: SnapshotCursor
  ) throws(StoreError) -> [(row: Int64, id: DocumentID)] {
    let changed = cursor.since > 0 ? try rows(changedAfter: cursor.since) : nil
    return try sql { () throws(SQLiteError) in
      var found: [(row: Int64, id: DocumentID)] = []
      guard let changed else {
        var rows = try connection.query(
          "SELECT id, document FROM document WHERE id < ? ORDER BY id DESC LIMIT ?",
          .integer(cursor.row), .integer(Self.rowsAtOnce))
        while try rows.next() {
          found.append((try rows.integer(0), try Self.documentID(1, of: rows)))
        }
        return found
      }
      for row in changed.sorted(by: >) where row < cursor.row {
        let id = try connection.first(
          "SELECT document FROM document WHERE id = ?", .integer(row)
        ) { (row) throws(SQLiteError) in try Self.documentID(0, of: row) }
        if let id { found.append((row, id)) }
      }
      return found
    }
  }

  private func rows(changedAfter position: Int64) throws(StoreError) -> Set<Int64> {
    var found = Set(try tails(changedAfter: position).keys)
    return try sql { () throws(SQLiteError) in
      var rows = try connection.query(
        "SELECT id FROM document WHERE position > ?", .integer(position))
      while try rows.next() { found.insert(try rows.integer(0)) }
      return found
    }
  }

  // MARK: One document

  private func snapshotDocument(
    of number: Int64, _ id: DocumentID
  ) throws(StoreError) -> SnapshotDocument {
    if let reason = brokenDocuments[id] ?? rebuiltDocuments[id] { throw .damaged(reason) }
    let found = try sql { () throws(SQLiteError) in
      try connection.first(
        """
        SELECT d.position, d.is_deleted, d.is_branched, d.understood, s.checksum, s.state
        FROM document AS d LEFT JOIN document_state AS s ON s.document = d.id WHERE d.id = ?
        """, .integer(number)
      ) { (row) throws(SQLiteError) in
        var document = SnapshotDocument(position: try row.integer(0))
        document.isDeleted = try row.integer(1) != 0
        document.isBranched = try row.integer(2) != 0
        document.understood = try row.isNull(3) ? nil : try row.counter(3)
        guard try !row.isNull(5) else { return (document, Int64(0)) }
        document.state = try row.blob(5)
        return (document, try row.integer(4))
      }
    }
    guard let (row, checksum) = found else { throw .damaged("document \(id) is missing") }
    var document = row
    if let state = document.state, Int64(CRC32C.checksum(state)) != checksum {
      throw .damaged("the state of document \(id) does not match its checksum")
    }
    document.base = try snapshotBase(of: number, id)
    try sql { () throws(SQLiteError) in
      var history = try connection.query(
        "SELECT block FROM document_history WHERE document = ? ORDER BY id", .integer(number))
      while try history.next() { document.history.append(try history.blob(0)) }
      var tail = try connection.query(
        "SELECT position, block FROM document_tail WHERE \(DocumentTail.ofFirst) ORDER BY id",
        .integer(number))
      while try tail.next() {
        document.tail.append(.init(position: try tail.integer(0), block: try tail.blob(1)))
      }
    }
    return document
  }

  /// All that is held of one document, for whoever has lost it; nothing when it is not here,
  /// damaged here too, or larger than ``givenDocumentBytesMax``.
  ///
  /// Complexity: O(history of the document).
  package func documentParts(of id: DocumentID) throws(StoreError) -> [SnapshotPart] {
    try reading { () throws(StoreError) in
      guard let row = try row(of: id) else { return [] }
      let byteCount = try sql { () throws(SQLiteError) in
        // Lengths are in the heads of rows: nothing of what is long is read.
        try connection.queryInteger(
          """
          SELECT (SELECT coalesce(sum(length(state)), 0) FROM document_state WHERE document = ?1)
            + (SELECT coalesce(sum(length(state)), 0) FROM document_base WHERE document = ?1)
            + (SELECT coalesce(sum(length(block)), 0) FROM document_history WHERE document = ?1)
            + (SELECT coalesce(sum(length(block)), 0) FROM document_tail
               WHERE \(DocumentTail.ofFirst))
          """, .integer(row.number)) ?? 0
      }
      guard byteCount <= Self.givenDocumentBytesMax else { return [] }
      let document: SnapshotDocument
      do throws(StoreError) {
        document = try snapshotDocument(of: row.number, id)
      } catch {
        guard case .damaged = error else { throw error }
        return []
      }
      var writer = SnapshotWriter(
        documentCount: 1, isFirst: true, partBytes: SnapshotPart.bytesAim,
        cursor: SnapshotCursor(
          origin: identity.origin, installation: try installation(), until: state.position))
      if let floor = document.base?.floor, let vector = try floorsByKey()[floor] {
        writer.add(floor: vector, key: floor)
      }
      writer.add(document, id, in: row.number, .max)
      writer.add(version: try publicVector())
      return writer.parts()
    }
  }

  private func snapshotBase(
    of row: Int64, _ id: DocumentID
  ) throws(StoreError) -> SnapshotDocument.Base? {
    let found = try sql { () throws(SQLiteError) in
      try connection.first(
        "SELECT floor, checksum, state FROM document_base WHERE document = ?", .integer(row)
      ) { (row) throws(SQLiteError) in
        let state = try row.isNull(2) ? nil : try row.blob(2)
        return (try row.integer(0), state, state == nil ? Int64(0) : try row.integer(1))
      }
    }
    guard let (number, state, checksum) = found else { return nil }
    guard let floor = try floors()[number] else {
      throw .damaged("nothing is known of the version at which document \(id) was folded")
    }
    if let state, Int64(CRC32C.checksum(state)) != checksum {
      throw .damaged("the state at which document \(id) was folded does not match its checksum")
    }
    return SnapshotDocument.Base(floor: Self.key(of: floor), state: state)
  }

  // MARK: Floors

  private func floorsByKey() throws(StoreError) -> [[UInt8]: VersionVector] {
    Dictionary(
      try floors().values.map { (Self.key(of: $0), $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// By which the documents of a snapshot name the version at which they were folded.
  static func key(of floor: VersionVector) -> [UInt8] {
    var writer = ByteWriter()
    floor.write(to: &writer)
    return Array(
      Digest.of(writer.bytes, domain: "skerry floor").array.prefix(SnapshotPart.keyBytes))
  }

  // MARK: The header

  private func snapshotHeader() throws(StoreError) -> SnapshotHeader {
    var header = SnapshotHeader(
      workspace: identity.workspace, documents: try snapshotFigures().documents)
    var places: [Int64: Int] = [:]
    for entry in state.applied.entries where entry.sequence > 0 {
      guard let row = state.row(of: entry.origin) else { continue }
      let chain = try stored { () throws(SegmentStoreError) in
        try segments.position(of: entry.origin, atMost: entry.sequence)
      }
      places[row.id] = header.entries.count
      header.entries.append(
        SnapshotHeader.Entry(
          origin: entry.origin, applied: entry.sequence, lamport: row.lamport,
          position: row.position, isHead: state.isHead(entry.origin), chain: chain))
    }
    try sql { () throws(SQLiteError) in
      var steps = try connection.query(
        "SELECT \(LamportStep.columns) FROM lamport_step ORDER BY origin, sequence")
      while try steps.next() {
        let step = try LamportStep(steps)
        guard let place = places[step.origin] else { continue }
        header.entries[place].steps.append((step.sequence, step.lamport))
      }
      var runs = try connection.query(
        "SELECT \(StoredRun.columns) FROM feed_run ORDER BY position")
      while try runs.next() {
        let run = try StoredRun(runs)
        // What was taken back and waits has a place, and is not applied.
        guard let place = places[run.origin],
          run.firstSequence <= header.entries[place].applied
        else { continue }
        header.runs.append(
          .init(position: run.position, entry: place, first: run.firstSequence))
      }
    }
    return header
  }
}

/// Fills parts with pieces.
private struct SnapshotWriter {
  var cursor: SnapshotCursor
  private(set) var byteCount = 0
  private let documentCount: UInt64
  private var finished: [SnapshotPart] = []
  private var part = SnapshotPart()
  private var floors: Set<[UInt8]> = []
  /// A part is closed before it is larger, unless a single piece is.
  private let partBytes: Int

  init(documentCount: UInt64, isFirst: Bool, partBytes: Int, cursor: SnapshotCursor) {
    self.documentCount = documentCount
    self.partBytes = partBytes
    self.cursor = cursor
    part.isFirst = isFirst
  }

  func hasFloor(_ key: [UInt8]) -> Bool { floors.contains(key) }

  mutating func add(floor: VersionVector, key: [UInt8]) {
    var writer = ByteWriter()
    floor.write(to: &writer)
    floors.insert(key)
    add(writer.bytes, .floor, key)
  }

  /// Adds a document, or as much of it as fits; the cursor says where it goes on.
  mutating func add(
    _ document: SnapshotDocument, _ id: DocumentID, in row: Int64, _ budget: Int
  ) {
    let bytes = document.encoded()
    let pieces = pieces(of: bytes)
    // One that has changed since its first pieces were given is given anew.
    let checksum = Int64(CRC32C.checksum(bytes))
    if cursor.pieceChecksum != checksum { cursor.piece = 0 }
    var next = Int(clamping: cursor.piece)
    while next < pieces, next == 0 || byteCount < budget {
      add(piece(next, of: bytes), .document, id.bytes, UInt64(next))
      next += 1
      cursor.piece = UInt64(next)
      cursor.pieceChecksum = checksum
    }
    guard next >= pieces else { return }
    cursor.row = row
    cursor.piece = 0
    cursor.pieceChecksum = 0
  }

  mutating func add(version: VersionVector) {
    var writer = ByteWriter()
    version.write(to: &writer)
    add(writer.bytes, .version, [UInt8](repeating: 0, count: SnapshotPart.keyBytes))
  }

  mutating func add(branches: [StoredBranch]) {
    guard !branches.isEmpty else { return }
    var writer = ByteWriter()
    for branch in branches { branch.write(to: &writer) }
    add(writer.bytes, .branches, [UInt8](repeating: 0, count: SnapshotPart.keyBytes))
  }

  mutating func finish(with header: SnapshotHeader) {
    add(header.encoded(), .header, [UInt8](repeating: 0, count: SnapshotPart.keyBytes))
    part.isLast = true
  }

  /// What was filled, with where it goes on.
  consuming func parts() -> [SnapshotPart] {
    if !part.pieces.isEmpty || part.isFirst || part.isLast { close() }
    return finished
  }

  private mutating func add(_ bytes: [UInt8], _ kind: SnapshotPart.Kind, _ key: [UInt8]) {
    for number in 0..<pieces(of: bytes) {
      add(piece(number, of: bytes), kind, key, UInt64(number))
    }
  }

  private mutating func add(
    _ bytes: [UInt8], _ kind: SnapshotPart.Kind, _ key: [UInt8], _ number: UInt64
  ) {
    if !part.pieces.isEmpty, part.byteCount + bytes.count > partBytes { close() }
    part.pieces.append(.init(kind: kind, key: key, number: number, bytes: bytes))
    byteCount += bytes.count
  }

  private mutating func close() {
    part.documentCount = documentCount
    part.cursor = cursor.encoded()
    finished.append(part)
    part = SnapshotPart()
  }

  private func pieces(of bytes: [UInt8]) -> Int {
    max(1, (bytes.count + SnapshotPart.pieceBytesMax - 1) / SnapshotPart.pieceBytesMax)
  }

  private func piece(_ number: Int, of bytes: [UInt8]) -> [UInt8] {
    let start = number * SnapshotPart.pieceBytesMax
    return Array(bytes[start..<min(start + SnapshotPart.pieceBytesMax, bytes.count)])
  }
}
