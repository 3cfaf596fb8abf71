internal import SQLiteBridge
internal import SegmentStore

/// Why a relay could not be opened, or could not go on.
package struct RelayError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Code: Sendable, Equatable {
    /// A file or folder could not be made, read or written.
    case inputOutput
    /// Another relay uses the data folder.
    case inUse
    /// What is stored is damaged, or belongs to something else.
    case damaged
    /// A newer program has written it.
    case tooNew
    /// The relay's key is open to others.
    case notPermitted
    /// The address cannot be listened on.
    case cannotListen
  }

  package let code: Code
  /// One sentence: what is wrong, where, and what to do.
  package let sentence: String

  package init(_ code: Code, _ sentence: String) {
    self.code = code
    self.sentence = sentence
  }

  package var description: String { sentence }
}

extension RelayError {
  init(_ error: SQLiteError, at place: String) {
    let code: Code =
      switch error.code {
      case .tooNew: .tooNew
      default: error.isAboutTheFile ? .damaged : .inputOutput
      }
    self.init(code, "\(place): \(error)")
  }

  init(_ error: SegmentStoreError, at place: String) {
    if case .database(let cause) = error {
      self.init(cause, at: place)
    } else {
      self.init(.damaged, "\(place): \(error)")
    }
  }
}
