internal import Skerry
internal import TerminalKit

extension Model {
  mutating func take(_ event: InputEvent) -> [Effect] {
    switch event {
    case .resize(let size):
      self.size = size
      return []
    case .focus: return []
    case .end, .key(.character("c"), .control), .key(.character("q"), .control): return leave()
    case .key(.character("l"), .control): return [.redraw]
    default: break
    }
    switch mode {
    case .browsing: return browse(event)
    case .editing: return edit(event)
    case .prompting(let prompt): return answer(prompt, event)
    case .confirmingDelete(let id, _): return confirm(id, event)
    case .help:
      if case .key = event { mode = .browsing }
      return []
    case .waiting(let events):
      mode = .waiting(events + [event])
      return []
    }
  }

  // MARK: Browsing

  private mutating func browse(_ event: InputEvent) -> [Effect] {
    let notes = shownNotes
    if list.handle(event, count: notes.count, height: layout.list.height) {
      selection = selectedNote?.id
      return []
    }
    switch event {
    case .key(.character(let key), let modifiers) where modifiers.isSubset(of: .shift):
      return command(key)
    case .key(.enter, []), .key(.right, []): return startEditing()
    case .key(.escape, []):
      if search != nil { endSearch() }
      notice = nil
      return []
    case .mouse(let mouse) where mouse.action == .press(.left): return click(mouse.point)
    default: return []
    }
  }

  private mutating func command(_ key: Character) -> [Effect] {
    switch key {
    case "n": ask(.newNote)
    case "e": return startEditing()
    case "t":
      guard let note = selectedNote else { return [] }
      ask(.title(note.id), note.title)
    case "d":
      guard let note = selectedNote else { return [] }
      mode = .confirmingDelete(note.id, title: note.title)
    case "u":
      guard let id = deleted else { return [] }
      deleted = nil
      notice = nil
      return [.restore(id)]
    case "/": ask(.search, search?.words ?? "")
    case "s": ask(.address, address)
    case "i": return [.invite]
    case "?", "h": mode = .help
    case "j", "k":
      let step = key == "j" ? 1 : -1
      list.select(list.selected + step, count: shownNotes.count)
      selection = selectedNote?.id
    case "q": return leave()
    default: break
    }
    return []
  }

  private mutating func ask(_ purpose: Prompt.Purpose, _ text: String = "") {
    notice = nil
    mode = .prompting(Prompt(purpose: purpose, field: TextField(text: text)))
  }

  private mutating func startEditing() -> [Effect] {
    guard let note = selectedNote else { return [] }
    notice = nil
    guard !note.isArriving else {
      say("This note is still arriving: it can be edited when all of them have come.")
      return []
    }
    mode = open?.id == note.id ? .editing : .waiting([])
    return []
  }

  private mutating func click(_ point: Point) -> [Effect] {
    let layout = layout
    if let index = list.index(at: point, in: layout.list, count: shownNotes.count) {
      list.select(index, count: shownNotes.count)
      selection = selectedNote?.id
    } else if layout.body.contains(point), open != nil, open?.id == selectedNote?.id {
      _ = startEditing()
      if mode == .editing { open?.editor.placeCursor(at: point, in: layout.body) }
    }
    return []
  }

  private mutating func confirm(_ id: DocumentID, _ event: InputEvent) -> [Effect] {
    guard case .key(let key, _) = event else { return [] }
    mode = .browsing
    return key == .character("y") || key == .character("Y") ? [.delete(id)] : []
  }

  // MARK: Editing

  private mutating func edit(_ event: InputEvent) -> [Effect] {
    let body = layout.body
    switch event {
    case .key(.escape, []):
      mode = .browsing
      keepSelection()
      return save()
    case .key(.character("s"), .control): return save()
    case .mouse(let mouse) where mouse.action == .press(.left):
      if body.contains(mouse.point) { open?.editor.placeCursor(at: mouse.point, in: body) }
      return []
    case .mouse(let mouse) where mouse.action == .drag(.left):
      open?.editor.placeCursor(at: mouse.point, in: body, selects: true)
      return []
    default: break
    }
    open?.editor.size = body.size
    if case .edited? = open?.editor.handle(event) { open?.typed(at: clock) }
    return []
  }

  // MARK: Prompts

  private mutating func answer(_ prompt: Prompt, _ event: InputEvent) -> [Effect] {
    switch event {
    case .key(.escape, []):
      mode = .browsing
      if prompt.purpose == .search { endSearch() }
      return []
    case .key(.enter, []): return finish(prompt)
    case .key(.up, []), .key(.down, []):
      guard prompt.purpose == .search else { return [] }
      _ = list.handle(event, count: shownNotes.count, height: layout.list.height)
      selection = selectedNote?.id
      return []
    default: break
    }
    var prompt = prompt
    guard prompt.field.handle(event) else { return [] }
    mode = .prompting(prompt)
    return prompt.purpose == .search ? look(for: prompt.field.text) : []
  }

  private mutating func finish(_ prompt: Prompt) -> [Effect] {
    let text = prompt.field.text.trimmed
    mode = .browsing
    switch prompt.purpose {
    case .newNote:
      mode = .waiting([])
      return [.create(title: text)]
    case .title(let id): return [.retitle(id, text)]
    case .search:
      if text.isEmpty { endSearch() }
      return []
    case .address:
      guard !text.isEmpty else { return [] }
      address = text
      exchangeCount += 1
      return [.exchange(text)]
    }
  }

  private mutating func look(for words: String) -> [Effect] {
    guard !words.trimmed.isEmpty else {
      search = nil
      keepSelection()
      return []
    }
    search = Search(words: words, found: search?.found)
    return [.search(words)]
  }

  private mutating func endSearch() {
    search = nil
    keepSelection()
  }
}

extension String {
  /// Without white space at its ends.
  var trimmed: String {
    guard let first = firstIndex(where: { !$0.isWhitespace }),
      let last = lastIndex(where: { !$0.isWhitespace })
    else { return "" }
    return String(self[first...last])
  }
}
