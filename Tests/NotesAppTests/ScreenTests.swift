import Skerry
import TerminalKit
import Testing

@testable import NotesApp

@Suite("The full screen, drawn")
struct ScreenTests {
  static let notes: [NoteSummary] = [
    .sample(1, "Harbour party", minutes: 3, tags: ["boat", "summer"], conflicts: 1),
    .sample(2, "A title that is much too long for the list at the left", minutes: 150),
    .sample(3, "日本語のメモ", minutes: 60 * 24 * 3, notebook: "Travel"),
    .sample(4, "", minutes: 60 * 24 * 800),
  ]

  @Test("80 by 24: the list, the note, the state and the keys")
  func wide() {
    var play = Screenplay(Self.notes, bodies: ["Bring: bread, cheese.\nMusic: 🪗\n"])
    let screen = play.screen()
    #expect(screen.count == 24)
    #expect(screen[0] == " Notes  ada.skerry")
    #expect(
      Array(screen[1...6]) == [
        "!Harbour party               3m │ ! Harbour party",
        " A title that is much too l… 2h │ changed 3m ago · #boat #summer · 1 field in c…",
        " 日本語のメモ                3d │",
        " (no title)                  2y │ Bring: bread, cheese.",
        "                                │ Music: 🪗",
        "                                │",
      ])
    #expect(screen[22] == " 4 notes, 1 in conflict (!)")
    #expect(
      screen[23]
        == " n new  e edit  / search  s sync  d delete  t title  i invite  ? help  q quit")
  }

  @Test("40 by 10: one thing at a time")
  func narrow() {
    var play = Screenplay(
      Self.notes, bodies: ["Bring: bread, cheese.\nMusic: 🪗\n"], width: 40, height: 10)
    #expect(
      play.screen() == [
        " Notes  ada.skerry",
        "!Harbour party                       3m",
        " A title that is much too long for … 2h",
        " 日本語のメモ                        3d",
        " (no title)                          2y",
        "", "", "",
        " 4 notes, 1 in conflict (!)",
        " n new  e edit  ? help  q quit",
      ])
    play.press(.character("e"))
    #expect(
      Array(play.screen()[0...3]) == [
        " Notes  ada.skerry",
        "! Harbour party",
        "Bring: bread, cheese.",
        "Music: 🪗",
      ])
    #expect(play.screen()[8].hasSuffix("saved"))
  }

  @Test("a library without notes says how to begin")
  func empty() {
    var play = Screenplay([])
    #expect(play.screen()[1].contains("No notes yet."))
    #expect(play.screen()[3].contains("n  writes the first one"))
  }

  @Test("every mode draws at every size, also at none")
  func anySize() {
    let paths: [[TerminalKit.Key]] = [
      [], [.character("e")], [.character("?")], [.character("d")], [.character("/")],
      [.character("s")], [.character("n")], [.character("n"), .enter],
    ]
    for keys in paths {
      for width in [0, 1, 2, 3, 7, 20, 59, 60, 61, 300] {
        for height in [0, 1, 2, 3, 4, 5, 6, 9, 30] {
          var play = Screenplay(
            Self.notes, bodies: ["a\tlong text " + String(repeating: "x", count: 99)])
          for key in keys { play.press(key) }
          play.send(.input(.resize(Size(width: width, height: height))))
          let surface = play.model.view()
          #expect(surface.size == Size(width: width, height: height))
          play.press(.down, .pageDown, .left)
          play.send(
            .input(.mouse(MouseEvent(.press(.left), at: Point(x: width / 2, y: height / 2)))))
          _ = play.model.view()
        }
      }
    }
  }

  @Test("what others wrote cannot steer the terminal")
  func hostileTitle() {
    let hostile = NoteSummary.sample(1, "a\u{1B}[2Jb\r\nc", tags: ["\u{7}bell"])
    var play = Screenplay([hostile], bodies: ["\u{1B}]0;x\u{7}"])
    for line in play.screen() {
      #expect(!line.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F })
    }
  }
}
