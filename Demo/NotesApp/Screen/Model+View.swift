internal import Skerry
package import TerminalKit

extension Model {
  /// Draws everything. Only what is scrolled changes in the model: lists and texts follow their
  /// cursor.
  package mutating func view() -> Surface {
    var surface = Surface(size: size)
    let layout = layout
    drawHead(into: &surface, in: layout.head)
    drawList(into: &surface, in: layout.list)
    surface.verticalLine(
      x: layout.divider.x, y: layout.divider.y,
      length: layout.divider.isEmpty ? 0 : layout.divider.height, style: .dim)
    drawNote(into: &surface, layout)
    drawState(into: &surface, in: layout.state)
    let keysRect = layout.keys.padded
    surface.writeClipped(keys(width: keysRect.width), in: keysRect, style: .dim)
    if mode == .help { drawHelp(into: &surface) }
    return surface
  }

  // MARK: Head

  private func drawHead(into surface: inout Surface, in rect: Rect) {
    let style = Style.reversed
    surface.fill(rect, style: style)
    let state = connection
    let width = min(displayWidth(state), rect.width)
    surface.writeClipped("Notes", in: rect.padded, style: style.with(.bold))
    let name = Rect(
      x: rect.x + 8, y: rect.y, width: rect.width - width - 11, height: rect.height)
    surface.writeClipped(storeName, in: name, style: style)
    let right = Rect(x: rect.endX - width - 1, y: rect.y, width: width, height: rect.height)
    if rect.width >= width + 8 { surface.writeClipped(state, in: right, style: style) }
  }

  /// How this replica stands with the others.
  private var connection: String {
    if exchangeCount > 0 { return "exchanging…" }
    guard let replica else { return "" }
    if !replica.identity.isAdmitted { return "not admitted yet: press s" }
    let connected = replica.peers.filter(\.isConnected)
    let behind = replica.peers.map(\.changesBehind).max() ?? 0
    let rest = behind == 0 ? "all sent" : "\(behind) to send"
    if !connected.isEmpty { return "\(connected.count) connected, \(rest)" }
    if replica.peers.isEmpty { return "on this device only" }
    return "not connected, \(rest)"
  }

  // MARK: List

  private mutating func drawList(into surface: inout Surface, in rect: Rect) {
    guard !rect.isEmpty else { return }
    let notes = shownNotes
    if notes.isEmpty { drawEmptyList(into: &surface, in: rect) }
    let isActive = mode != .editing
    let now = now
    list.draw(into: &surface, in: rect, count: notes.count) { index, isSelected, rect, surface in
      let note = notes[index]
      let style: Style = isSelected ? (isActive ? .reversed : .bold) : .plain
      surface.fill(rect, style: style)
      let age = note.modified.map { Age.text(from: $0, to: now) } ?? ""
      let mark = note.isArriving ? "…" : note.conflicts > 0 ? "!" : " "
      surface.write(
        mark, at: rect.origin, style: style.with(.bold).colored(.yellow), clip: rect)
      let (left, right) = rect.splitLeft(rect.width - displayWidth(age) - 1)
      let title = Rect(x: left.x + 1, y: left.y, width: left.width - 2, height: 1)
      surface.writeClipped(note.shownTitle, in: title, style: style)
      surface.write(age, at: right.origin, style: style.with(.dim), clip: rect)
    }
  }

  private func drawEmptyList(into surface: inout Surface, in rect: Rect) {
    let lines =
      if notes == nil {
        ["Reading…"]
      } else if search != nil {
        ["Nothing found.", "Esc shows all notes."]
      } else {
        ["No notes yet.", "", "n  writes the first one", "s  fetches notes from elsewhere"]
      }
    for (index, line) in lines.enumerated() {
      surface.writeClipped(line, in: rect.row(index).padded, style: .dim)
    }
  }

  // MARK: Note

  private mutating func drawNote(into surface: inout Surface, _ layout: Layout) {
    guard let summary = shownSummary, open?.id == summary.id else { return }
    let mark = summary.conflicts > 0 ? "! " : ""
    surface.writeClipped(mark + summary.shownTitle, in: layout.title, style: .bold)
    surface.writeClipped(summary.details(now: now), in: layout.details, style: .dim)
    let isFocused = mode == .editing
    open?.editor.draw(into: &surface, in: layout.body, focused: isFocused)
    if !isFocused, open?.editor.scalarCount == 0 {
      surface.writeClipped(
        "Empty. Enter starts writing.", in: layout.body.row(0), style: .dim)
    }
  }

  private var shownSummary: NoteSummary? {
    guard let id = open?.id else { return nil }
    return notes?.first { $0.id == id }
  }

  // MARK: State and keys

  private mutating func drawState(into surface: inout Surface, in rect: Rect) {
    if drawQuestion(into: &surface, in: rect) { return }
    let saved = savedText
    let width = displayWidth(saved)
    let padded = rect.padded
    let (left, right) = padded.splitLeft(padded.width - width)
    if let notice {
      let style: Style = notice.isError ? .bold.colored(.red) : .bold
      surface.writeClipped(
        notice.text, in: Rect(x: left.x, y: left.y, width: left.width - 1, height: left.height),
        style: style)
    } else {
      surface.writeClipped(summaryText, in: left, style: .plain)
    }
    surface.writeClipped(
      saved, in: right, style: open?.isSaved ?? true ? .dim : .bold.colored(.yellow))
  }

  /// Whether something is asked.
  private mutating func drawQuestion(into surface: inout Surface, in rect: Rect) -> Bool {
    switch mode {
    case .prompting(var prompt):
      let label = prompt.label
      let padded = rect.padded
      surface.writeClipped(label, in: padded, style: .bold)
      let (_, field) = padded.splitLeft(displayWidth(label) + 1)
      prompt.field.draw(into: &surface, in: field)
      mode = .prompting(prompt)
      return true
    case .confirmingDelete(_, let title):
      surface.writeClipped(
        "Delete “\(title.isEmpty ? NoteSummary.untitled : title)”? y deletes, any other key keeps",
        in: rect.padded, style: .bold.colored(.red))
      return true
    default: return false
    }
  }

  private var summaryText: String {
    guard let notes else { return "" }
    var text = notes.count == 1 ? "1 note" : "\(notes.count) notes"
    if let search { text = "\(shownNotes.count) of \(text) with “\(search.words.trimmed)”" }
    let conflicts = notes.reduce(0) { $0 + $1.conflicts }
    if conflicts > 0 { text += ", \(conflicts) in conflict (!)" }
    let error = replica?.peers.compactMap(\.lastError).first
    if let stalled = replica?.stalled.first {
      text += " · stalled: \(stalled.reason)"
    } else if let error {
      text += " · \(error)"
    }
    return text
  }

  private var savedText: String {
    guard let open else { return "" }
    if open.isSaved { return mode == .editing ? "saved" : "" }
    return open.unsaved != nil ? "not saved yet" : "saving…"
  }

  /// The keys worth knowing now, the least needed left out where there is no room.
  private func keys(width: Int) -> String {
    var keys = knownKeys
    while keys.count > 1, displayWidth(keys.joined(separator: "  ")) > width {
      // The first is the way on and the last the way out; what goes lies in front of the last.
      keys.remove(at: max(1, keys.count - 3))
    }
    return keys.joined(separator: "  ")
  }

  private var knownKeys: [String] {
    switch mode {
    case .browsing:
      search == nil
        ? [
          "n new", "e edit", "/ search", "s sync", "d delete", "t title", "i invite", "? help",
          "q quit",
        ] : ["Esc all notes", "e edit", "/ search again", "? help", "q quit"]
    case .editing, .waiting: ["Esc done", "Ctrl-S save now", "what you type is saved as you go"]
    case .prompting(let prompt):
      prompt.purpose == .search
        ? ["Enter keep", "Esc all notes", "↑↓ choose"] : ["Enter done", "Esc cancel"]
    case .confirmingDelete: ["y delete", "Esc keep"]
    case .help: ["any key goes back"]
    }
  }

  // MARK: Help

  private func drawHelp(into surface: inout Surface) {
    let lines = Help.lines
    let width = min(size.width, Help.width + 4)
    let height = min(size.height, lines.count + 2)
    let rect = Rect(
      x: (size.width - width) / 2, y: (size.height - height) / 2, width: width, height: height)
    surface.fill(rect)
    surface.box(rect, title: "Help")
    let inside = rect.inset()
    for (index, line) in lines.enumerated() where index < inside.height {
      surface.writeClipped(line, in: inside.row(index).padded)
    }
    surface.cursor = nil
  }
}

extension Rect {
  /// Without the columns at its ends.
  fileprivate var padded: Rect {
    Rect(x: x + 1, y: y, width: width - 2, height: height)
  }
}

extension Prompt {
  fileprivate var label: String {
    switch purpose {
    case .newNote: "Title of the new note:"
    case .title: "Title:"
    case .search: "Search:"
    case .address: "Sync with (tcp://HOST:PORT, ws://HOST:PORT/ or a file):"
    }
  }
}

extension NoteSummary {
  fileprivate static let untitled = "(no title)"

  fileprivate var shownTitle: String {
    title.trimmed.isEmpty ? Self.untitled : title
  }

  fileprivate func details(now: Timestamp) -> String {
    var parts: [String] = []
    if let modified {
      let age = Age.text(from: modified, to: now)
      parts.append(age == "now" ? "changed just now" : "changed \(age) ago")
    }
    if let notebook { parts.append("in \(notebook)") }
    if !tags.isEmpty { parts.append(tags.map { "#\($0)" }.joined(separator: " ")) }
    if isArriving { parts.append("still arriving") }
    if conflicts > 0 {
      parts.append(conflicts == 1 ? "1 field in conflict" : "\(conflicts) fields in conflict")
    }
    return parts.joined(separator: " · ")
  }
}

private enum Help {
  static let lines = [
    "↑ ↓ j k   choose a note           n   new note",
    "Enter e   edit it; Esc ends       t   change the title",
    "/         search as you type      d   delete it",
    "s         sync with an address    u   undo the delete",
    "i         invite another device   q   quit",
    "",
    "In the editor: Shift-arrows select, Ctrl-arrows go by",
    "words, Ctrl-K deletes to the line's end, Ctrl-U to its start.",
    "",
    "What you type is saved after a moment. What others write",
    "into the same note appears while you type; nothing is lost.",
    "A note marked ! has a field that was set differently on two",
    "devices at once: one value is shown, all are kept.",
  ]

  static let width = lines.reduce(0) { max($0, displayWidth($1)) }
}
