import Testing

@testable import TerminalKit

struct WidthTests {
  @Test(
    arguments: [
      ("a", 1), ("~", 1), ("\u{7F}", 0), ("\n", 0), ("\r\n", 0), ("\u{85}", 0), ("é", 1),
      ("e\u{301}", 1), ("\u{301}", 0), ("ß", 1), ("日", 2), ("ｱ", 1), ("Ａ", 2), ("한", 2),
      ("\u{1112}\u{1161}\u{11AB}", 2), ("🏝️", 2), ("🏝", 1), ("😀", 2), ("👩‍👩‍👧‍👦", 2), ("👍🏽", 2), ("🇪🇺", 2),
      ("1️⃣", 2), ("❤️", 2), ("❤", 1), ("\u{200B}", 0), ("\u{FEFF}", 0), ("…", 1), ("─", 1),
      ("𠀀", 2), ("🫠", 2), ("ก\u{E33}", 1), ("\u{378}", 1),
    ] as [(Character, Int)])
  func aCharacterTakesItsColumns(character: Character, width: Int) {
    #expect(displayWidth(character) == width)
  }

  @Test func theTablesAreSortedAndDoNotTouch() {
    for table in [WidthTable.wide, WidthTable.zero] {
      for (left, right) in zip(table, table.dropFirst()) {
        #expect(left.upperBound < right.lowerBound)
      }
    }
  }

  @Test func theTableAgreesWithWhatTheStandardLibraryKnowsOfEmoji() {
    for value in UInt32(0x1F000)...0x1FAFF {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let isIndicator = (0x1F1E6...0x1F1FF).contains(value)
      if scalar.properties.isEmojiPresentation, !isIndicator {
        #expect(displayWidth(Character(scalar)) == 2, "\(String(value, radix: 16))")
      }
    }
  }

  @Test func aClusterOfAMillionMarksIsMeasuredAtOnce() {
    let monster = Character("a" + String(repeating: "\u{301}", count: 1_000_000))
    #expect(displayWidth(monster) == 1)
    #expect(monster.bounded.utf8.count < 64)
  }
}
