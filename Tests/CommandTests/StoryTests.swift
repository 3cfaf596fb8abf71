import JSONCoding
import Testing

@testable import SimulatorCommand

@Suite("The story of a run")
struct StoryTests {
  private let commit: JSONValue = [
    "at": 83_007, "node": 2, "what": "commit", "change": "0123456789abcdef:14",
    "work": "insertText",
  ]

  private func lines(_ events: [JSONValue], hasColour: Bool = false) -> [String] {
    var story = StoryLines(hasColour: hasColour)
    return events.compactMap { story.line(for: $0) }
  }

  @Test("a line has the virtual time, the node and what happened, in columns")
  func columns() {
    let beginning: JSONValue = [
      "at": 0, "what": "begin", "scenario": "calm", "seed": "9",
      "nodes": [["node": 0, "kind": "replica"], ["node": 3, "kind": "relay"]],
    ]
    let crash: JSONValue = [
      "at": 3_600_000, "node": 3, "what": "crash", "loss": "power", "for": 61_000,
    ]
    #expect(
      lines([beginning, commit, crash]) == [
        "   0:00.000  world       begins: calm, seed 9",
        "   1:23.007  node 2      commits 01234567:14, insertText",
        "  60:00.000  relay 3     loses power for 61 s",
      ])
  }

  @Test("colour comes only when it is wanted, and a broken promise is loudest")
  func colour() {
    let broken: JSONValue = ["at": 1, "what": "BROKEN", "promise": "P2", "how": "torn"]
    #expect(!lines([commit, broken]).joined().contains("\u{1b}"))
    #expect(lines([broken], hasColour: true)[0].hasSuffix("\u{1b}[1;31mBROKEN P2: torn\u{1b}[0m"))
  }

  @Test("deliveries, timers and murmurs are counted, not told")
  func counting() {
    var story = StoryLines(hasColour: false)
    #expect(story.counting == nil)
    for what in ["deliver", "deliver", "wake", "state", "boot", "connect", "closed"] {
      #expect(story.line(for: ["at": 1, "node": 0, "what": .string(what)]) == nil)
    }
    #expect(story.line(for: ["at": 1, "node": 0, "what": "lost", "fate": "cut"]) == nil)
    #expect(story.line(for: ["at": 1, "node": 0, "what": "says", "level": "debug"]) == nil)
    #expect(
      story.counting == "  not told: deliveries 2, starts 1, connections closed 1, "
        + "connections made 1, cut 1, quiet log lines 1, new states 1, timers 1")
  }

  @Test("text of a trace cannot command the terminal, and an unknown event is told as it is")
  func printable() {
    let says: JSONValue = [
      "at": -5, "node": 0, "what": "says", "level": "notice", "sentence": "a\u{1b}[2Jb\nc",
    ]
    let unknown: JSONValue = ["at": 2, "what": "glitter", "amount": 3, "of": ["gold"]]
    #expect(
      lines([says, unknown, ["at": 1], 7]) == [
        "   0:00.000  node 0      says: a\u{FFFD}[2Jb\u{FFFD}c",
        "   0:00.002  world       glitter: amount 3 of [\"gold\"]",
      ])
  }

  @Test(
    "a clock's jump is told in the unit that fits",
    arguments: [
      (999, "999 ms"), (1000, "1 s"), (1999, "1.9 s"), (119_999, "119.9 s"), (120_000, "2 min"),
      (-7_200_000, "-2 h"), (172_800_000, "2 days"), (Int64.min, "-106751991167.3 days"),
    ] as [(Int64, String)])
  func durations(milliseconds: Int64, words: String) {
    let jump: JSONValue = ["at": 0, "node": 1, "what": "clock", "by": .integer(milliseconds)]
    #expect(lines([jump]) == ["   0:00.000  node 1      its clock jumps by \(words)"])
  }
}
