package import Documents
package import SQLiteBridge
package import SegmentStore
package import Segments

/// Why a store refused or failed, in one sentence.
package enum StoreError: SQLiteFailure, Equatable, CustomStringConvertible {
  /// There is something at the path already.
  case exists(path: String)
  case missing(path: String)
  /// The file is something else, or its making was never finished.
  case notAStore(path: String)
  /// The file is a backup, which has no identity.
  case isBackup(path: String)
  case tooNew(found: Int, supported: Int)
  /// What is damaged, and where.
  case damaged(String)
  /// The store was opened for reading only.
  case readOnly
  /// This device may not do that in this workspace.
  case notPermitted(String)
  case noDocument(DocumentID)
  /// The history of the document up to what was asked for is folded.
  case folded(DocumentID)
  /// Something was asked for that cannot be: why, in a sentence.
  case refused(String)
  /// A change that does not fit into a segment.
  case tooLarge(bytes: Int, limit: Int)
  case membership(MembershipError)
  case segment(SegmentError)
  case database(SQLiteError)

  /// Whether there was no room on the disk; nothing was changed then.
  package var isOfFullDisk: Bool {
    if case .database(let error) = self { error.code == .diskFull } else { false }
  }

  package init(_ error: SQLiteError) {
    switch error.code {
    case .tooNew(let found, let supported): self = .tooNew(found: found, supported: supported)
    case .notADatabase, .foreign: self = .notAStore(path: error.statement ?? "")
    case .damaged, .unexpectedValue: self = .damaged(error.message)
    case .readOnly: self = .readOnly
    // The transaction died of damage that an earlier statement met.
    case .deadTransaction where error.extendedCode & 0xFF == 11: self = .damaged(error.message)
    default: self = .database(error)
    }
  }

  package init(_ error: SegmentStoreError) {
    switch error {
    case .database(let error): self.init(error)
    default: self = .damaged(error.description)
    }
  }

  /// Whether the file is at fault: it is damaged, too new, or no store.
  package var isAboutTheFile: Bool {
    switch self {
    case .notAStore, .tooNew, .damaged: true
    case .database(let error): error.isAboutTheFile
    default: false
    }
  }

  package var description: String {
    switch self {
    case .exists(let path): "There is a file at \(path) already; choose another path."
    case .missing(let path): "There is no store at \(path); check the path, or make a store there."
    case .notAStore(let path): "The file \(path) is not a store; check the path."
    case .isBackup(let path):
      "The file \(path) is a backup, which holds no keys; make a store of it with 'skerry init NEW "
        + "--backup \(path)' and your recovery key, or with 'skerry join NEW CODE --backup "
        + "\(path)' and an invitation."
    case .tooNew(let found, let supported):
      "The store was written by a newer version (format \(found), known are \(supported)); "
        + "use a newer version of this program."
    case .damaged(let what):
      "The store is damaged: \(what). Keep a copy of it and restore it from another replica or a "
        + "backup."
    case .readOnly: "The store may only be read; check the permissions of the file and its folder."
    case .notPermitted(let what), .refused(let what): what
    case .noDocument(let id): "There is no document \(id)."
    case .folded(let id):
      "Document \(id) cannot be read at that version: its history was folded by a compaction."
    case .tooLarge(let bytes, let limit):
      "A transaction of \(bytes) bytes is too large; \(limit) fit. Split it up."
    case .membership(let error): error.description
    case .segment(let error): error.description
    case .database(let error): error.description
    }
  }
}
