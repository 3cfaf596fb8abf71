import ByteCoding
package import Causality
import ChangeCoding
package import Documents
import SegmentStore

/// A draft of a document: its edits on an earlier version of it, which only this store knows until
/// they are merged.
///
/// Drafts are two kinds of settings:
///
///     drafts      = version:byte(1) count { id:16 document:16 origin:16 name:string time vector }
///     draft <id>  = a block of changes, as `ChangeCoding` lays it out
///     time        = milliseconds since 1970, a signed varint
///
/// The changes are under an origin of the draft, and their parents are what its version covers; the
/// document's own history never has them.
package struct StoredDraft: Hashable, Sendable {
  /// By which it is edited and read as a document is.
  package let id: DocumentID
  package let document: DocumentID
  package let name: String
  /// What it began with.
  package internal(set) var base: VersionVector
  /// When it was made.
  package let time: Timestamp
  let origin: Origin
}

/// A draft with its edits.
final class OpenDraft {
  let stored: StoredDraft
  var edits: [IncomingEdit]
  /// Keeps its history.
  let document: Document

  init(_ stored: StoredDraft, _ edits: [IncomingEdit], _ document: Document) {
    self.stored = stored
    self.edits = edits
    self.document = document
  }

  /// The name of the next edit and its Lamport time, which is above those of all that it can see.
  func next(_ lamport: UInt64) -> (change: ChangeID, lamport: UInt64) {
    let last = edits.last?.lamport ?? 0
    return (
      ChangeID(origin: stored.origin, sequence: UInt64(edits.count) + 1), max(lamport, last + 1)
    )
  }
}

extension ReplicaStore {
  private static let draftsSetting = "drafts"
  private static func setting(of draft: DocumentID) -> String { "draft \(draft)" }

  /// The drafts, the oldest first.
  package func drafts() throws(StoreError) -> [StoredDraft] {
    try reading { () throws(StoreError) in
      let stored = try stored { () throws(SegmentStoreError) in
        try segments.setting(Self.draftsSetting)
      }
      guard let stored else { return [] }
      do throws(ByteDecodingError) {
        return try StoredDraft.decode(stored)
      } catch {
        throw .damaged("the list of drafts is unreadable (\(error))")
      }
    }
  }

  /// A draft and all that it has seen, for reading; nil when there is none.
  ///
  /// - Throws: `.damaged`, also when its version is not in the history any more.
  /// - Complexity: O(history of the document).
  package func draft(_ id: DocumentID) throws(StoreError) -> Document? {
    try openDraft(id)?.document
  }

  func openDraft(_ id: DocumentID) throws(StoreError) -> OpenDraft? {
    try reading { () throws(StoreError) in
      guard let draft = try drafts().first(where: { $0.id == id }) else { return nil }
      let edits = try edits(of: draft)
      do {
        guard let entry = try entry(draft.document) else { throw StoreError.noDocument(id) }
        var history = try knownHistory(entry).through(draft.base)
        try history.append(contentsOf: edits)
        return OpenDraft(draft, edits, try Document(history: history))
      } catch {
        throw .damaged("draft \(id) cannot be opened (\(error))")
      }
    }
  }

  private func edits(of draft: StoredDraft) throws(StoreError) -> [IncomingEdit] {
    let block = try stored { () throws(SegmentStoreError) in
      try segments.setting(Self.setting(of: draft.id))
    }
    guard let block else { return [] }
    do {
      return try [IncomingEdit](decoding: block, document: draft.document, in: language)
    } catch {
      throw .damaged("the edits of draft \(draft.id) are unreadable (\(error))")
    }
  }

  // MARK: Writing, within a transaction

  func write(_ drafts: [StoredDraft]) throws(StoreError) {
    try stored { () throws(SegmentStoreError) in
      try segments.setSetting(
        Self.draftsSetting, to: drafts.isEmpty ? nil : StoredDraft.encode(drafts))
    }
  }

  /// Nil takes them away.
  func write(_ edits: [IncomingEdit]?, of draft: DocumentID) throws(StoreError) {
    let changes = edits?.map { edit in
      Change(id: edit.change, lamport: edit.lamport, time: edit.time, edits: [edit.edit])
    }
    try stored { () throws(SegmentStoreError) in
      try segments.setSetting(
        Self.setting(of: draft),
        to: changes.flatMap { $0.isEmpty ? nil : ChangeBlock.encode($0) })
    }
  }

  /// Lets drafts know changes that they began with by other names.
  func renameDrafts(_ changes: [ChangeID], _ renaming: Renaming) throws(StoreError) {
    var drafts = try drafts()
    for index in drafts.indices {
      let base = drafts[index].base
      let seen = changes.filter(base.contains)
      guard !seen.isEmpty else { continue }
      let edits = try edits(of: drafts[index]).map { renaming.renamed($0) }
      for change in seen {
        let before = min(drafts[index].base[change.origin], change.sequence - 1)
        drafts[index].base.set(change.origin, to: before)
      }
      for change in seen { drafts[index].base.advance(to: renaming[change]) }
      try write(edits, of: drafts[index].id)
    }
    if !drafts.isEmpty { try write(drafts) }
  }
}

extension StoredDraft {
  fileprivate static func encode(_ drafts: [StoredDraft]) -> [UInt8] {
    var writer = ByteWriter()
    writer.write(1 as UInt8)
    writer.write(count: drafts.count)
    for draft in drafts {
      writer.write(raw: draft.id.bytes)
      writer.write(raw: draft.document.bytes)
      draft.origin.write(to: &writer)
      writer.write(string: draft.name)
      writer.write(signed: draft.time.milliseconds)
      draft.base.write(to: &writer)
    }
    return writer.bytes
  }

  fileprivate static func decode(_ bytes: [UInt8]) throws(ByteDecodingError) -> [StoredDraft] {
    let what = "draft"
    var reader = ByteReader(bytes)
    guard try reader.readByte(what) == 1 else {
      throw ByteDecodingError(.unsupportedVersion, what, at: 0)
    }
    var drafts: [StoredDraft] = []
    for _ in 0..<(try reader.readCount(what, minimumBytesEach: 51)) {
      let id = try DocumentID(from: &reader)
      let document = try DocumentID(from: &reader)
      let origin = try Origin(from: &reader)
      let name = try reader.readString(what)
      guard let time = Timestamp(milliseconds: try reader.readSigned(what)) else {
        throw ByteDecodingError(.invalidValue, what, at: reader.offset)
      }
      drafts.append(
        StoredDraft(
          id: id, document: document, name: name, base: try VersionVector(from: &reader),
          time: time, origin: origin))
    }
    try reader.finish(what)
    return drafts
  }
}
