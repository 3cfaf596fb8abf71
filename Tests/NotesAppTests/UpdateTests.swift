import Skerry
import TerminalKit
import Testing

@testable import NotesApp

@Suite("The full screen, keys and messages")
struct UpdateTests {
  static let notes: [NoteSummary] = [.sample(1, "One"), .sample(2, "Two"), .sample(3, "Three")]
  static let bodies = ["first body", "second body", "third body"]

  private func play() -> Screenplay { Screenplay(Self.notes, bodies: Self.bodies) }

  @Test("moving in the list loads the note under the cursor")
  func movingLoads() {
    var play = play()
    #expect(play.model.open?.id == Self.notes[0].id)
    play.press(.down)
    #expect(play.takeEffects() == [.load(Self.notes[1].id)])
    play.press(.down, .down, .down)
    #expect(play.model.selectedNote?.title == "Three")
  }

  @Test("notes that are still arriving are listed anew as more come, marked, and not edited")
  func arriving() {
    var arriving = Self.notes
    for index in arriving.indices { arriving[index].isArriving = true }
    var play = Screenplay(arriving, bodies: Self.bodies)
    _ = play.takeEffects()
    play.send(.changed([], isComplete: true))
    #expect(play.takeEffects().contains(.list))
    #expect(play.screen().contains { $0.contains("…One") })
    play.press(.character("e"))
    #expect(play.model.mode != .editing)
    #expect(play.screen().contains { $0.contains("still arriving") })
    // Once they are all there they are as all others.
    play.send(.listed(Self.notes))
    play.send(.changed([], isComplete: true))
    #expect(!play.takeEffects().contains(.list))
    play.press(.character("e"))
    #expect(play.model.mode == .editing)
  }

  @Test("an edit is written after a pause, as what it was made of and what it became")
  func pauseSaves() {
    var play = play()
    play.press(.character("e"))
    _ = play.takeEffects()
    play.type("X")
    #expect(play.takeEffects() == [])
    #expect(play.screen()[22].hasSuffix("not saved yet"))
    play.pass(milliseconds: 299)
    #expect(play.takeEffects() == [])
    play.pass(milliseconds: 1)
    let id = Self.notes[0].id
    #expect(play.takeEffects() == [.save(id, base: "first body", text: "Xfirst body")])
    #expect(play.screen()[22].hasSuffix("saving…"))
    play.send(.saved(id, text: "Xfirst body"))
    #expect(play.model.open?.isSaved == true)
  }

  @Test("typing without a pause is written once a second")
  func typingSaves() {
    var play = play()
    play.press(.character("e"))
    var saves = 0
    for _ in 0..<20 {
      play.type("a")
      play.pass(milliseconds: 100)
      for case .save(let id, _, let text) in play.takeEffects() {
        saves += 1
        play.send(.saved(id, text: text))
      }
    }
    #expect(saves == 2)
  }

  @Test("Escape writes at once and goes back to the list")
  func escapeSaves() {
    var play = play()
    play.press(.character("e"))
    play.type("X")
    play.press(.escape)
    #expect(play.model.mode == .browsing)
    #expect(
      play.takeEffects() == [
        .save(Self.notes[0].id, base: "first body", text: "Xfirst body")
      ])
  }

  @Test("what others write comes into the editor, and the cursor stays at its place")
  func remoteEditWhileTyping() throws {
    var play = play()
    play.press(.character("e"), .right, .right, .right, .right, .right)
    play.type("!")
    let changed = Note(summary: Self.notes[0], body: "The first body, they say")
    play.send(.loaded(changed.summary.id, changed))
    let open = try #require(play.model.open)
    #expect(open.editor.text == "The first! body, they say")
    #expect(open.editor.cursor == 10)
    play.press(.escape)
    #expect(
      play.takeEffects().contains(
        .save(open.id, base: "The first body, they say", text: "The first! body, they say")))
  }

  @Test("what was typed while a save was under way stays, and so does what the save brought")
  func typingWhileSaving() throws {
    var play = play()
    play.press(.character("e"))
    play.type("A")
    play.pass(milliseconds: 300)
    let id = Self.notes[0].id
    play.type("B")
    // A read that was under way before the save knows nothing of it, and does not count.
    play.send(.loaded(id, Note(summary: Self.notes[0], body: "first body and theirs")))
    play.send(.saved(id, text: "Afirst body and theirs"))
    let open = try #require(play.model.open)
    #expect(open.editor.text == "ABfirst body and theirs")
    #expect(open.editor.cursor == 2)
    #expect(!open.isSaved)
    _ = play.takeEffects()
    play.pass(milliseconds: 300)
    #expect(
      play.takeEffects() == [
        .save(id, base: "Afirst body and theirs", text: "ABfirst body and theirs")
      ])
  }

  @Test("a save that failed is said, and tried again")
  func failedSave() {
    var play = play()
    play.press(.character("e"))
    play.type("X")
    play.pass(milliseconds: 300)
    let id = Self.notes[0].id
    _ = play.takeEffects()
    play.send(.notSaved(id, "the disk is full"))
    #expect(play.screen()[22].contains("the disk is full"))
    play.pass(milliseconds: 2_000)
    #expect(play.takeEffects() == [])
    play.pass(milliseconds: 1_000)
    #expect(play.takeEffects() == [.save(id, base: "first body", text: "Xfirst body")])
  }

  @Test("leaving waits for the last edit", arguments: ["q", "stop", "hangup"])
  func leavingSaves(way: String) {
    var play = play()
    play.press(.character("e"))
    play.type("X")
    switch way {
    case "q": play.send(.input(.key(.character("q"), .control)))
    case "stop": play.send(.stop)
    default: play.send(.input(.end))
    }
    let id = Self.notes[0].id
    #expect(play.takeEffects() == [.save(id, base: "first body", text: "Xfirst body")])
    play.send(.saved(id, text: "Xfirst body"))
    #expect(play.takeEffects() == [.quit])
  }

  @Test("a note that failed to be saved keeps the application open")
  func leavingFails() {
    var play = play()
    play.press(.character("e"))
    play.type("X")
    play.send(.stop)
    _ = play.takeEffects()
    play.send(.notSaved(Self.notes[0].id, "no"))
    #expect(!play.takeEffects().contains(.quit))
  }

  @Test("a new note: title, then straight into its text, and nothing typed meanwhile is lost")
  func newNote() throws {
    var play = play()
    play.type("nPlan\n")
    #expect(play.takeEffects() == [.create(title: "Plan")])
    play.type("quick")
    let made = NoteSummary.sample(0, "Plan")
    play.send(.created(made.id))
    #expect(play.takeEffects() == [.refresh([made.id]), .load(made.id)])
    play.send(.refreshed([made.id], [made.id: made]))
    play.send(.loaded(made.id, Note(summary: made, body: "")))
    #expect(play.model.mode == .editing)
    #expect(play.model.open?.editor.text == "quick")
    #expect(play.model.selectedNote?.title == "Plan")
  }

  @Test("a note is deleted only after y, and u brings it back")
  func deleting() {
    var play = play()
    play.press(.character("d"))
    #expect(play.screen()[22].contains("Delete “One”?"))
    play.press(.character("n"))
    #expect(play.takeEffects() == [])
    play.press(.character("d"), .character("y"))
    let id = Self.notes[0].id
    #expect(play.takeEffects() == [.delete(id)])
    play.send(.deleted(id))
    play.send(.refreshed([id], [:]))
    #expect(play.model.selectedNote?.title == "Two")
    _ = play.takeEffects()
    play.press(.character("u"))
    #expect(play.takeEffects().contains(.restore(id)))
  }

  @Test("search narrows the list as one types; Escape shows all again")
  func searching() {
    var play = play()
    play.type("/tw")
    #expect(play.takeEffects() == [.search("t"), .search("tw")])
    play.send(.found(words: "t", [Self.notes[0].id]))
    #expect(play.model.shownNotes.count == 3, "an answer to older words does not count")
    play.send(.found(words: "tw", [Self.notes[1].id]))
    #expect(play.model.shownNotes.map(\.title) == ["Two"])
    play.press(.enter)
    #expect(play.screen()[22].contains("1 of 3 notes with “tw”"))
    play.press(.escape)
    #expect(play.model.shownNotes.count == 3)
  }

  @Test("the selection stays with its note when the list changes")
  func selectionStays() {
    var play = play()
    play.press(.down)
    var third = Self.notes[2]
    third.position = 5_000
    play.send(.refreshed([third.id], [third.id: third]))
    #expect(play.model.shownNotes.map(\.title) == ["Three", "One", "Two"])
    #expect(play.model.selectedNote?.title == "Two")
  }

  @Test("a change notice reads again what is shown, all of it when it does not say what changed")
  func notices() {
    var play = play()
    let id = Self.notes[0].id
    play.send(.changed([id], isComplete: true))
    #expect(play.takeEffects() == [.refresh([id]), .load(id)])
    play.send(.changed([], isComplete: false))
    #expect(play.takeEffects() == [.list, .load(id)])
  }

  @Test("sync asks for an address and says what came of it")
  func syncing() {
    var play = play()
    play.type("stcp://ada:7000\n")
    #expect(play.takeEffects() == [.exchange("tcp://ada:7000")])
    #expect(play.screen()[0].contains("exchanging…"))
    play.send(.exchanged("tcp://ada:7000: nobody answers", isError: true))
    #expect(play.screen()[22].contains("nobody answers"))
    play.press(.character("s"))
    #expect(play.screen()[22].hasSuffix("tcp://ada:7000"), "the address is offered again")
  }

  @Test("a note that somebody else deletes while it is edited is not lost")
  func deletedElsewhere() {
    var play = play()
    play.press(.character("e"))
    play.type("X")
    let id = Self.notes[0].id
    play.send(.refreshed([id], [:]))
    play.send(.loaded(id, nil))
    #expect(play.model.mode == .editing)
    #expect(play.screen()[22].contains("deleted elsewhere"))
    play.press(.escape)
    #expect(
      play.takeEffects().contains(.save(id, base: "first body", text: "Xfirst body")))
  }

  @Test("two who write in one paragraph both see all of it; in one word, both words")
  func sameParagraph() throws {
    var play = play()
    play.press(.character("e"))
    play.type("My ")
    let id = Self.notes[0].id
    play.send(.loaded(id, Note(summary: Self.notes[0], body: "first body of yours")))
    #expect(try #require(play.model.open).editor.text == "My first body of yours")
    #expect(try #require(play.model.open).editor.cursor == 3)
    play.type("x")
    play.send(.loaded(id, Note(summary: Self.notes[0], body: "firsty body of yours")))
    let text = try #require(play.model.open).editor.text
    #expect(text == "My xfirst firsty body of yours")
  }
}
