internal import TerminalKit

/// Where things are on the screen: a head line; the list beside the note, or one of them alone when
/// there is no room for both; a line of state, and a line of keys.
struct Layout {
  static let wideWidthMin = 60
  private static let listWidthMax = 36

  var head: Rect
  /// Empty when it is not shown.
  var list: Rect
  var divider: Rect
  var title: Rect
  var details: Rect
  /// Empty when it is not shown.
  var body: Rect
  var state: Rect
  var keys: Rect

  init(size: Size, showsNote: Bool) {
    var rest = Rect(size)
    (head, rest) = rest.splitTop(size.height >= 6 ? 1 : 0)
    (rest, keys) = rest.splitBottom(size.height >= 4 ? 1 : 0)
    (rest, state) = rest.splitBottom(size.height >= 2 ? 1 : 0)
    if size.width >= Self.wideWidthMin {
      (list, rest) = rest.splitLeft(min(Self.listWidthMax, size.width * 2 / 5))
      (divider, rest) = rest.splitLeft(2)
    } else {
      (list, divider) = (rest, Rect(x: 0, y: 0, width: 0, height: 0))
      if showsNote { list.width = 0 } else { rest.width = 0 }
    }
    (title, rest) = rest.splitTop(rest.height >= 3 ? 1 : 0)
    (details, rest) = rest.splitTop(rest.height >= 7 ? 1 : 0)
    if rest.height >= 12 { rest = rest.splitTop(1).rest }
    body = rest
  }
}

extension Model {
  var layout: Layout {
    let showsNote =
      switch mode {
      case .editing, .waiting: true
      default: false
      }
    return Layout(size: size, showsNote: showsNote)
  }
}
