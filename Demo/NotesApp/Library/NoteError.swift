/// Why something cannot be done to a note: a sentence.
package enum NoteError: Error, Equatable, CustomStringConvertible {
  case noSuchNote(String)
  case notANote(String)
  /// A part of an id, and how many notes it may mean.
  case severalNotes(String, Int)
  case notDeleted(String)
  case badVersion(String)
  case badCommand(String)

  package var description: String {
    switch self {
    case .noSuchNote(let id): "There is no note '\(id.prefix(60))'; 'notes list' shows the ids."
    case .notANote(let id): "The document '\(id)' is not a note: it has neither title nor body."
    case .severalNotes(let part, let count):
      "\(count) notes have an id that begins or ends with '\(part)'; give more of it."
    case .notDeleted(let id): "The note '\(id)' is not deleted."
    case .badVersion(let text):
      "'\(text.prefix(60))' is not a version; 'notes status --json' prints one, 'v1:' and letters."
    case .badCommand(let sentence): sentence
    }
  }
}
