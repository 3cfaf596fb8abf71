/// A list of rows of which one is selected, scrolled so that it is in sight. It holds no rows:
/// their count is handed in each time, and may have changed.
package struct ListView: Equatable, Sendable {
  package private(set) var selected = 0
  /// The first row in sight.
  package private(set) var top = 0

  package init() {}

  package mutating func select(_ index: Int, count: Int) {
    selected = max(0, min(index, count - 1))
  }

  /// Arrows, pages, Home, End and the wheel move the selection.
  /// - Returns: whether the event meant something here.
  package mutating func handle(_ event: InputEvent, count: Int, height: Int) -> Bool {
    let page = max(1, height - 1)
    switch event {
    case .key(.up, []): select(selected - 1, count: count)
    case .key(.down, []): select(selected + 1, count: count)
    case .mouse(let mouse) where mouse.action == .wheelUp: select(selected - 1, count: count)
    case .mouse(let mouse) where mouse.action == .wheelDown: select(selected + 1, count: count)
    case .key(.pageUp, []): select(selected - page, count: count)
    case .key(.pageDown, []): select(min(selected, count) + page, count: count)
    case .key(.home, []): select(0, count: count)
    case .key(.end, []): select(count - 1, count: count)
    default: return false
    }
    return true
  }

  /// The row at a place of the part that the list was drawn in.
  package func index(at point: Point, in rect: Rect, count: Int) -> Int? {
    guard rect.contains(point) else { return nil }
    let index = top + point.y - rect.y
    return index < count ? index : nil
  }

  /// Scrolls as far as needed and draws the rows in sight. Complexity: O(height).
  package mutating func draw(
    into surface: inout Surface, in rect: Rect, count: Int,
    row: (_ index: Int, _ isSelected: Bool, _ rect: Rect, _ surface: inout Surface) -> Void
  ) {
    select(selected, count: count)
    guard rect.height > 0 else { return }
    top = min(top, selected)
    top = max(top, selected - rect.height + 1)
    top = max(0, min(top, count - rect.height))
    for index in top..<max(top, min(count, top + rect.height)) {
      row(index, index == selected, rect.row(index - top), &surface)
    }
  }
}
