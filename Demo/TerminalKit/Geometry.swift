/// A place on the screen; the origin is at the top left.
package struct Point: Hashable, Sendable {
  package var x: Int
  package var y: Int

  package init(x: Int, y: Int) {
    self.x = x
    self.y = y
  }
}

/// Columns and rows.
package struct Size: Hashable, Sendable {
  package var width: Int
  package var height: Int

  package init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }
}

/// A part of the screen. Sizes below zero count as zero.
package struct Rect: Hashable, Sendable {
  package var x: Int
  package var y: Int
  package var width: Int
  package var height: Int

  package init(x: Int, y: Int, width: Int, height: Int) {
    self.x = x
    self.y = y
    self.width = max(0, width)
    self.height = max(0, height)
  }

  package init(_ size: Size) {
    self.init(x: 0, y: 0, width: size.width, height: size.height)
  }

  package var origin: Point { Point(x: x, y: y) }
  package var size: Size { Size(width: width, height: height) }
  /// The first column to the right of it.
  package var endX: Int { x + width }
  /// The first row below it.
  package var endY: Int { y + height }
  package var isEmpty: Bool { width == 0 || height == 0 }

  package func contains(_ point: Point) -> Bool {
    point.x >= x && point.x < endX && point.y >= y && point.y < endY
  }

  package func intersection(_ other: Rect) -> Rect {
    let x = max(x, other.x)
    let y = max(y, other.y)
    return Rect(x: x, y: y, width: min(endX, other.endX) - x, height: min(endY, other.endY) - y)
  }

  package func inset(by amount: Int = 1) -> Rect {
    Rect(x: x + amount, y: y + amount, width: width - 2 * amount, height: height - 2 * amount)
  }

  /// The first `count` columns, or as many as there are, and the rest.
  package func splitLeft(_ count: Int) -> (left: Rect, rest: Rect) {
    let count = min(max(0, count), width)
    return (
      Rect(x: x, y: y, width: count, height: height),
      Rect(x: x + count, y: y, width: width - count, height: height)
    )
  }

  /// The first `count` rows, or as many as there are, and the rest.
  package func splitTop(_ count: Int) -> (top: Rect, rest: Rect) {
    let count = min(max(0, count), height)
    return (
      Rect(x: x, y: y, width: width, height: count),
      Rect(x: x, y: y + count, width: width, height: height - count)
    )
  }

  /// All but the last `count` rows, and those.
  package func splitBottom(_ count: Int) -> (rest: Rect, bottom: Rect) {
    let count = min(max(0, count), height)
    let (rest, bottom) = splitTop(height - count)
    return (rest, bottom)
  }

  /// Row number `index`, counted from the top.
  package func row(_ index: Int) -> Rect {
    Rect(x: x, y: y + index, width: width, height: index >= 0 && index < height ? 1 : 0)
  }
}
