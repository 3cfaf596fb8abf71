internal import Skerry
internal import TerminalKit

extension Model {
  /// What is done first.
  package static let firstEffects: [Effect] = [.list, .status]

  static let statusMilliseconds: Int64 = 2_000

  /// Takes in what happened and says what is to be done about it.
  package mutating func update(_ message: Message) -> [Effect] {
    var effects = react(to: message)
    effects += followSelection()
    effects += saveIfWanted()
    return effects
  }

  private mutating func react(to message: Message) -> [Effect] {
    switch message {
    case .input(let event): return take(event)
    case .tick(let clock, let now): return tick(clock, now)
    case .changed(let ids, let isComplete): return changed(ids, isComplete)
    case .stop: return leave()
    case .listed(let listed):
      notes = listed
      keepSelection()
    case .refreshed(let ids, let found): refresh(ids, found)
    case .loaded(let id, let note): return loaded(id, note)
    case .created(let id): return created(id)
    case .saved(let id, let text):
      guard open?.id == id else { break }
      open?.saved(as: text)
      if isLeaving, open?.isSaved == true { return [.quit] }
    case .notSaved(let id, let reason):
      guard open?.id == id else { break }
      open?.notSaved(at: clock)
      isLeaving = false
      say("Not saved, and tried again soon: \(reason)", isError: true)
    case .deleted(let id):
      deleted = id
      say("Deleted. Press u to bring it back.")
    case .found(let words, let ids):
      guard search?.words == words else { break }
      let isFirst = search?.found == nil
      search?.found = Set(ids)
      if isFirst { selection = nil }
      keepSelection()
    case .status(let status): replica = status
    case .exchanged(let sentence, let isError):
      exchangeCount = max(0, exchangeCount - 1)
      say(sentence, isError: isError)
      return [.status]
    case .said(let sentence): say(sentence)
    case .failed(let sentence):
      if case .waiting = mode { mode = .browsing }
      say(sentence, isError: true)
    }
    return []
  }

  mutating func say(_ text: String, isError: Bool = false) {
    notice = Notice(text: text, isError: isError, end: clock + Notice.milliseconds)
  }

  private mutating func tick(_ clock: Int64, _ now: Timestamp) -> [Effect] {
    self.clock = clock
    self.now = now
    if let end = notice?.end, end <= clock { notice = nil }
    guard clock >= nextStatusClock else { return [] }
    nextStatusClock = clock + Self.statusMilliseconds
    return [.status]
  }

  private mutating func changed(_ ids: [DocumentID], _ isComplete: Bool) -> [Effect] {
    // While a new device takes a snapshot over, more of it may have come.
    let isArriving = ids.isEmpty && notes?.allSatisfy(\.isArriving) != false
    var effects: [Effect] = [isComplete && !isArriving ? .refresh(ids) : .list]
    if let id = open?.id, !isComplete || ids.contains(id) {
      effects.append(.load(id))
    }
    if let words = search?.words { effects.append(.search(words)) }
    return effects
  }

  // MARK: Notes that come and go

  private mutating func refresh(_ ids: [DocumentID], _ found: [DocumentID: NoteSummary]) {
    guard notes != nil else { return }
    let changed = Set(ids)
    var kept = (notes ?? []).filter { !changed.contains($0.id) }
    kept += ids.compactMap { found[$0] }
    notes = kept.sorted { ($0.position, $0.id) > ($1.position, $1.id) }
    keepSelection()
  }

  /// The selection stays with its note, wherever that went in the list; without one it stays at its
  /// place.
  mutating func keepSelection() {
    let shown = shownNotes
    if let index = shown.firstIndex(where: { $0.id == selection }) {
      list.select(index, count: shown.count)
    } else {
      if selection == nil { list.select(0, count: shown.count) }
      list.select(list.selected, count: shown.count)
      if !isOpening { selection = selectedNote?.id }
    }
  }

  /// Whether the note at the right stays where it is, whatever the list says.
  private var isOpening: Bool {
    switch mode {
    case .editing, .waiting: true
    default: false
    }
  }

  /// Sees to it that the note at the right is the selected one.
  private mutating func followSelection() -> [Effect] {
    guard !isOpening, notes != nil else { return [] }
    guard let selected = selectedNote?.id else {
      selection = nil
      if open?.isSaved ?? true { open = nil }
      return []
    }
    selection = selected
    guard selected != open?.id, selected != loading, open?.isSaved ?? true else { return [] }
    open = nil
    loading = selected
    return [.load(selected)]
  }

  private mutating func loaded(_ id: DocumentID, _ note: Note?) -> [Effect] {
    if loading == id { loading = nil }
    if open?.id == id {
      if let note {
        open?.take(note)
      } else if mode == .editing {
        say("This note was deleted elsewhere. What you type brings it back.", isError: true)
      } else if open?.isSaved ?? true {
        open = nil
      }
    } else if selection == id, let note {
      open = OpenNote(note)
    }
    guard case .waiting(let events) = mode, selection == id else { return [] }
    guard open?.id == id else {
      mode = .browsing
      return []
    }
    mode = .editing
    return events.flatMap { take($0) }
  }

  private mutating func created(_ id: DocumentID) -> [Effect] {
    search = nil
    selection = id
    loading = id
    return [.refresh([id]), .load(id)]
  }

  // MARK: Saving and leaving

  private mutating func saveIfWanted() -> [Effect] {
    open?.wantsSaving(at: clock) == true ? save() : []
  }

  /// Hands what is not saved to the store.
  mutating func save() -> [Effect] {
    guard var note = open, note.unsaved != nil, note.saving == nil else { return [] }
    let text = note.editor.text
    note.saving = text
    note.unsaved = nil
    open = note
    return [.save(note.id, base: note.base, text: text)]
  }

  mutating func leave() -> [Effect] {
    let effects = save()
    guard open?.isSaved ?? true else {
      isLeaving = true
      return effects
    }
    return effects + [.quit]
  }
}
