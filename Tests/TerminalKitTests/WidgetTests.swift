import Testing

@testable import TerminalKit

struct WidgetTests {
  private func rows(
    _ list: inout ListView, count: Int, height: Int
  ) -> (first: Int?, last: Int?, selected: Int?) {
    var surface = Surface(size: Size(width: 5, height: height))
    var drawn: [Int] = []
    var selected: Int?
    list.draw(into: &surface, in: surface.bounds, count: count) {
      index, isSelected, rect, surface in
      drawn.append(index)
      if isSelected { selected = index }
      surface.write("\(index)", at: rect.origin)
    }
    return (drawn.first, drawn.last, selected)
  }

  @Test func aListScrollsSoThatTheSelectionIsInSight() {
    var list = ListView()
    #expect(rows(&list, count: 100, height: 10) == (0, 9, 0))
    _ = list.handle(.key(.end, []), count: 100, height: 10)
    #expect(rows(&list, count: 100, height: 10) == (90, 99, 99))
    _ = list.handle(.key(.pageUp, []), count: 100, height: 10)
    #expect(rows(&list, count: 100, height: 10) == (90, 99, 90))
    _ = list.handle(.key(.up, []), count: 100, height: 10)
    #expect(rows(&list, count: 100, height: 10) == (89, 98, 89))
    #expect(rows(&list, count: 3, height: 10) == (0, 2, 2))
    #expect(rows(&list, count: 0, height: 10) == (nil, nil, nil))
    #expect(rows(&list, count: 5, height: 0) == (nil, nil, nil))
    #expect(list.handle(.key(.enter, []), count: 5, height: 3) == false)
  }

  @Test func aFieldIsEditedByCharacters() {
    var field = TextField(text: "one two")
    _ = field.handle(.key(.character("w"), .control))
    #expect(field.text == "one ")
    _ = field.handle(.paste("日本\n語"))
    _ = field.handle(.key(.left, []))
    _ = field.handle(.key(.character("e"), []))
    _ = field.handle(.key(.character("\u{301}"), []))
    #expect(field.text == "one 日本 e\u{301}語")
    _ = field.handle(.key(.backspace, []))
    #expect(field.text == "one 日本 語")
    #expect(field.handle(.key(.enter, [])) == false)
  }

  @Test func aFieldScrollsSidewaysToItsCursor() {
    var field = TextField(text: "0123456789")
    var surface = Surface(size: Size(width: 5, height: 1))
    field.draw(into: &surface, in: surface.bounds)
    #expect(surface.text(ofRow: 0) == "6789 ")
    #expect(surface.cursor == Point(x: 4, y: 0))
    _ = field.handle(.key(.home, []))
    field.draw(into: &surface, in: surface.bounds)
    #expect(surface.text(ofRow: 0) == "01234")
    #expect(surface.cursor == Point(x: 0, y: 0))
  }
}
