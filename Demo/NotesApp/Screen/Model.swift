internal import Merging
package import Skerry
package import TerminalKit

/// All that the full screen shows and knows. `update` changes it, `view` draws it; neither touches
/// anything else, so that both can be tested without a terminal and without a store.
package struct Model: Sendable {
  package internal(set) var size: Size
  /// All notes, the one changed last here first; nil before they have been read.
  package internal(set) var notes: [NoteSummary]?
  package internal(set) var search: Search?
  package internal(set) var selection: DocumentID?
  package internal(set) var open: OpenNote?
  package internal(set) var mode = Mode.browsing
  package internal(set) var replica: Status?
  package internal(set) var notice: Notice?
  /// How many exchanges with others are under way.
  package internal(set) var exchangeCount = 0
  /// The address that was typed last.
  package internal(set) var address = ""
  package internal(set) var deleted: DocumentID?
  /// Set once the person wants to leave and something is still to be written.
  package internal(set) var isLeaving = false
  /// The wall clock, for ages, and one that only goes forward, in milliseconds.
  package internal(set) var now: Timestamp
  package internal(set) var clock: Int64 = 0

  /// What was asked for and has not come yet.
  var loading: DocumentID?
  var list = ListView()
  var nextStatusClock: Int64 = 0
  let storeName: String

  package init(size: Size, now: Timestamp, storeName: String) {
    self.size = size
    self.now = now
    self.storeName = storeName
  }

  /// The notes that the list shows.
  package var shownNotes: [NoteSummary] {
    guard let found = search?.found else { return notes ?? [] }
    return (notes ?? []).filter { found.contains($0.id) }
  }

  package var selectedNote: NoteSummary? {
    let notes = shownNotes
    return notes.indices.contains(list.selected) ? notes[list.selected] : nil
  }
}

/// What keys mean at the moment.
package enum Mode: Sendable, Equatable {
  case browsing
  case editing
  case prompting(Prompt)
  case confirmingDelete(DocumentID, title: String)
  case help
  /// A note is about to be opened for editing: what is typed meanwhile goes into it.
  case waiting([InputEvent])
}

/// One line that somebody is asked for.
package struct Prompt: Sendable, Equatable {
  package enum Purpose: Sendable, Equatable {
    case newNote
    case title(DocumentID)
    case search
    case address
  }

  package var purpose: Purpose
  package var field: TextField
}

package struct Search: Sendable, Equatable {
  package var words: String
  /// Nil until the first answer.
  package var found: Set<DocumentID>?
}

/// Something to be read for a while.
package struct Notice: Sendable, Equatable {
  package var text: String
  package var isError: Bool
  /// When it goes away.
  package var end: Int64

  static let milliseconds: Int64 = 8_000
}

/// The note at the right: its text as it stands in the editor, and how that relates to the store.
package struct OpenNote: Sendable, Equatable {
  package let id: DocumentID
  package var title: String
  package var editor: TextEditor
  /// What the store is known to say.
  var base: String
  /// What was handed to the store and is not answered yet.
  var saving: String?
  /// When the oldest and the newest edit that are not handed over were made.
  var unsaved: (first: Int64, last: Int64)?
  var retryClock: Int64 = 0

  /// A pause in typing is written after this time, and typing without a pause after that.
  static let pauseMilliseconds: Int64 = 300
  static let delayMillisecondsMax: Int64 = 1_000
  static let retryMilliseconds: Int64 = 3_000

  init(_ note: Note) {
    id = note.summary.id
    title = note.summary.title
    base = note.body
    editor = TextEditor(text: note.body)
  }

  package var isSaved: Bool { unsaved == nil && saving == nil }

  mutating func typed(at clock: Int64) {
    unsaved = (unsaved?.first ?? clock, clock)
  }

  func wantsSaving(at clock: Int64) -> Bool {
    guard let unsaved, saving == nil, clock >= retryClock else { return false }
    return clock - unsaved.last >= Self.pauseMilliseconds
      || clock - unsaved.first >= Self.delayMillisecondsMax
  }

  /// What the store said while nothing was being saved: what others did comes into the editor.
  mutating func take(_ note: Note) {
    title = note.summary.title
    guard saving == nil else { return }
    bringIn(note.body, madeOf: base)
    base = note.body
  }

  /// The store has what was handed to it, merged with what others did: `text`.
  mutating func saved(as text: String) {
    if let saving { bringIn(text, madeOf: saving) }
    base = text
    saving = nil
    retryClock = 0
  }

  mutating func notSaved(at clock: Int64) {
    saving = nil
    unsaved = unsaved ?? (clock, clock)
    retryClock = clock + Self.retryMilliseconds
  }

  /// Does to the editor's text what others did to `origin`; the cursor stays with its text.
  private mutating func bringIn(_ text: String, madeOf origin: String) {
    guard !origin.utf8.elementsEqual(text.utf8) else { return }
    let merged = ThreeWayMerge.texts(base: origin, ours: editor.text, theirs: text).text()
    for splice in TextDifference.splices(from: editor.text, to: merged).reversed() {
      editor.apply(
        TextEdit(offset: splice.at, deleted: splice.deleting, inserted: splice.inserting))
    }
  }

  package static func == (left: OpenNote, right: OpenNote) -> Bool {
    left.id == right.id && left.title == right.title && left.editor == right.editor
      && left.base == right.base && left.saving == right.saving
      && left.unsaved?.first == right.unsaved?.first && left.unsaved?.last == right.unsaved?.last
  }
}
