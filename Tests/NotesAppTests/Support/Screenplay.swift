import Skerry
import TerminalKit

@testable import NotesApp

/// A model with notes that never saw a store: what it asks for is collected, and answered by hand
/// or from a dictionary that stands for the store.
struct Screenplay {
  var model: Model
  var effects: [Effect] = []
  var bodies: [DocumentID: String]
  private var clock: Int64 = 0

  static let now = Timestamp(clampingMilliseconds: 1_795_000_000_000)

  init(_ notes: [NoteSummary], bodies: [String] = [], width: Int = 80, height: Int = 24) {
    model = Model(
      size: Size(width: width, height: height), now: Self.now, storeName: "ada.skerry")
    self.bodies = Dictionary(uniqueKeysWithValues: zip(notes.map(\.id), bodies))
    send(.tick(0, Self.now))
    send(.listed(notes))
    answerLoads()
  }

  mutating func send(_ message: Message) {
    effects += model.update(message)
  }

  mutating func press(_ keys: TerminalKit.Key...) {
    for key in keys { send(.input(.key(key, []))) }
  }

  mutating func type(_ text: String) {
    for character in text {
      press(character == "\n" ? .enter : .character(character))
    }
  }

  mutating func pass(milliseconds: Int64) {
    clock += milliseconds
    send(.tick(clock, Timestamp(clampingMilliseconds: Self.now.milliseconds + clock)))
  }

  /// Answers what was asked to be loaded, and forgets all other wishes up to now.
  mutating func answerLoads() {
    let wanted = effects
    effects = []
    for case .load(let id) in wanted {
      guard let summary = model.notes?.first(where: { $0.id == id }) else { continue }
      send(.loaded(id, Note(summary: summary, body: bodies[id] ?? "")))
    }
  }

  /// The effects since the last call, without asking for the status.
  mutating func takeEffects() -> [Effect] {
    defer { effects = [] }
    return effects.filter { $0 != .status }
  }

  /// The screen as lines without the blanks at their ends.
  mutating func screen() -> [String] {
    let surface = model.view()
    return (0..<surface.size.height).map { row in
      var text = surface.text(ofRow: row)
      while text.last == " " { text.removeLast() }
      return text
    }
  }
}

extension NoteSummary {
  /// A note for tests, changed `minutes` ago.
  static func sample(
    _ number: UInt64, _ title: String, minutes: Int64 = 0, tags: [String] = [],
    conflicts: Int = 0, notebook: String? = nil
  ) -> NoteSummary {
    let time = Screenplay.now.milliseconds - minutes * 60_000
    return NoteSummary(
      id: DocumentID(high: 0, low: number), title: title, notebook: notebook, tags: tags,
      modified: Timestamp(clampingMilliseconds: time), preview: "", conflicts: conflicts,
      position: Int64(1_000 - number))
  }
}
