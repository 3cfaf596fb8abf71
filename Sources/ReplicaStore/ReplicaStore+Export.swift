import Causality
import Documents
import JSONCoding
import SQLiteBridge
package import Sealing
import SegmentStore

/// How much a store holds.
package struct StoreInfo: Equatable, Sendable {
  /// That are not deleted.
  package var documents = 0
  package var deletedDocuments = 0
  /// Applied ones.
  package var changes: UInt64 = 0
  package var segments = 0
  package var segmentBytes = 0
  package var unsealedChanges: UInt64 = 0
  /// Stored and not applied.
  package var waitingChanges: UInt64 = 0
  /// The file without its WAL.
  package var fileBytes = 0
  package var position: Int64 = 0
}

extension ReplicaStore {
  private static let exportDomain = Domain("skerry state")

  /// The whole state in one defined form: a line with the version, then one for each document by
  /// ascending id, deleted ones too. Equal versions give equal bytes. One document at a time is in
  /// memory.
  ///
  /// - Parameter line: is given each line without its newline.
  /// - Throws: what `line` throws, and ``StoreError``.
  package func exportCanonical(_ line: ([UInt8]) throws -> Void) throws {
    try read {
      var bytes: [UInt8] = []
      JSONValue.object(["version": .string(state.applied.text)]).write(
        to: &bytes, sortingKeys: true)
      try line(bytes)
      var after: DocumentID?
      while true {
        let page = try documents(after: after, limit: 1_000, includingDeleted: true)
        for item in page {
          // What is not open is not kept open.
          guard let entry = try cache.entry(item.id) ?? load(item.id) else { continue }
          bytes.removeAll(keepingCapacity: true)
          entry.document.canonicalJSON().write(to: &bytes, sortingKeys: true)
          try line(bytes)
        }
        guard let last = page.last else { return }
        after = last.id
      }
    }
  }

  /// A hash of the canonical export, each line with its newline. Complexity: O(state).
  package func stateDigest() throws(StoreError) -> Digest {
    let hash = HashState(domain: Self.exportDomain)
    do {
      try exportCanonical { line in
        hash.update(line)
        hash.update([0x0A])
      }
    } catch let error as StoreError {
      throw error
    } catch {
      throw .damaged("\(error)")
    }
    return hash.finish()
  }

  /// Complexity: O(origins), and counting the documents.
  package func info() throws(StoreError) -> StoreInfo {
    try reading { () throws(StoreError) in
      let totals = try stored { () throws(SegmentStoreError) in try segments.totals() }
      var info = StoreInfo()
      info.documents = try documentCount()
      info.deletedDocuments = try sql { () throws(SQLiteError) in
        Int(try connection.queryInteger("SELECT count(*) FROM document WHERE is_deleted") ?? 0)
      }
      info.changes = state.applied.changeCount(beyond: VersionVector())
      info.segments = totals.segments
      info.segmentBytes = totals.bytes
      info.unsealedChanges = try unsealedCount()
      info.waitingChanges = try waitingCount()
      info.fileBytes = try sql { () throws(SQLiteError) in try connection.byteCount() }
      info.position = state.position
      return info
    }
  }

  /// Checks what can be checked: the file, the chains of segments, and that every document opens
  /// and its history leads to its state.
  ///
  /// Complexity: O(everything).
  ///
  /// - Returns: what is wrong, in sentences; empty when nothing is.
  package func check() throws(StoreError) -> [String] {
    // Outside of any transaction: damage ends the one it is found in. What a damaged file says
    // beyond that is not to be trusted.
    let damage = try sql { () throws(SQLiteError) in try connection.integrityCheck() }
    guard damage.isEmpty else {
      return damage.map { "The file is damaged: \($0)." } + [
        "Keep a copy of the file. Damaged indexes can be made again: run doctor with --repair. "
          + "Where tables are damaged, restore a backup, or join the workspace anew from another "
          + "replica and import what 'export' still reads here."
      ]
    }
    return try reading { () throws(StoreError) in
      let segmentFindings = try stored { () throws(SegmentStoreError) in try segments.check() }
      for finding in segmentFindings { _ = noted(finding) }
      var findings = segmentFindings.map(\.description)
      findings += try checkCounters()
      for item in try documents(includingDeleted: true) {
        if let finding = try checkDocument(item.id) { findings.append(finding) }
      }
      if findings.isEmpty { findings += try checkProjection() }
      return findings
    }
  }

  func checkDocument(_ id: DocumentID) throws(StoreError) -> String? {
    do throws(StoreError) {
      guard let entry = try load(id) else { return "Document \(id) is missing." }
      let history = try history(entry)
      if entry.rebuilt != nil {
        return
          "What is stored of document \(id) is damaged (\(rebuiltDocuments[id] ?? "unreadable")); "
          + "it can be made again from its changes: run doctor with --repair."
      }
      guard try replay(history).encodeState() == entry.document.encodeState() else {
        return "Document \(id) differs from what its history leads to."
      }
      return nil
    } catch {
      guard case .damaged(let what) = error else { throw error }
      guard damage.documents.contains(id) else { return "Damaged: \(what)." }
      return "Damaged: \(what); nothing here can make document \(id) again, the next replica that "
        + "has it gives it again when you sync."
    }
  }

  private func replay(_ history: DocumentHistory) throws(StoreError) -> Document {
    do {
      return try Document.replaying(history) { _ in true }
    } catch {
      throw .damaged("the history of document \(history.document) cannot be replayed (\(error))")
    }
  }
}
