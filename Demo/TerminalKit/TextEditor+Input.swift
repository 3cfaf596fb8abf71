extension TextEditor {
  /// Typing, pasting, deleting, moving (with Shift: selecting), by character, word, row, page and
  /// text.
  package mutating func handle(_ event: InputEvent) -> Outcome {
    switch event {
    case .paste(let text): return .edited(insert(text))
    case .key(let key, let modifiers):
      let selects = modifiers.contains(.shift)
      let held = modifiers.subtracting(.shift)
      if let edits = change(key, held, modifiers) {
        return edits.isEmpty ? .moved : .edited(edits)
      }
      guard let target = destination(key, held) else { return .ignored }
      move(to: target, selects: selects)
      return .moved
    case .mouse(let mouse) where mouse.action == .wheelUp:
      move(to: verticalTarget(rows: -3), selects: false)
      return .moved
    case .mouse(let mouse) where mouse.action == .wheelDown:
      move(to: verticalTarget(rows: 3), selects: false)
      return .moved
    default: return .ignored
    }
  }

  /// Puts the cursor where somebody pointed, in the part that the editor was drawn in.
  package mutating func placeCursor(at point: Point, in rect: Rect, selects: Bool = false) {
    var place = place(of: top)
    for _ in 0..<max(0, min(point.y - rect.y, rect.height)) {
      guard let next = placeAfter(place) else { break }
      place = next
    }
    goalColumn = nil
    move(to: (offset(atColumn: max(0, point.x - rect.x), on: place), nil), selects: selects)
  }

  package mutating func selectAll() {
    anchor = 0
    cursor = scalarCount
    goalColumn = nil
  }

  /// The edits that a key makes; nil when it is not a key that edits.
  private mutating func change(
    _ key: Key, _ held: Modifiers, _ modifiers: Modifiers
  ) -> [TextEdit]? {
    switch (key, held) {
    case (.character(let character), []): return insert(String(character))
    case (.enter, []): return insert("\n")
    case (.tab, []) where !modifiers.contains(.shift): return insert("\t")
    case (.backspace, []): return deleteBackward()
    case (.delete, []), (.character("d"), .control): return deleteForward()
    case (.backspace, .alt), (.backspace, .control), (.character("w"), .control):
      return replace(selection ?? wordStart(before: cursor)..<cursor, with: "")
    case (.delete, .alt), (.delete, .control), (.character("d"), .alt):
      return replace(selection ?? cursor..<wordEnd(after: cursor), with: "")
    case (.character("k"), .control):
      let end = lineEnd(of: cursor)
      return replace(cursor..<(end > cursor ? end : offsetAfter(cursor)), with: "")
    case (.character("u"), .control):
      return replace(lineStart(of: cursor)..<cursor, with: "")
    default: return nil
    }
  }

  private typealias Destination = (offset: Int, column: Int?)

  private func destination(_ key: Key, _ held: Modifiers) -> Destination? {
    switch (key, held) {
    case (.left, []), (.character("b"), .control): (offsetBefore(cursor), nil)
    case (.right, []), (.character("f"), .control): (offsetAfter(cursor), nil)
    case (.left, .alt), (.left, .control), (.character("b"), .alt): (wordStart(before: cursor), nil)
    case (.right, .alt), (.right, .control), (.character("f"), .alt): (wordEnd(after: cursor), nil)
    case (.up, []), (.character("p"), .control): verticalTarget(rows: -1)
    case (.down, []), (.character("n"), .control): verticalTarget(rows: 1)
    case (.pageUp, []): verticalTarget(rows: -max(1, size.height - 1))
    case (.pageDown, []): verticalTarget(rows: max(1, size.height - 1))
    case (.home, []): (rowEdge(atEnd: false), nil)
    case (.end, []): (rowEdge(atEnd: true), nil)
    case (.character("a"), .control): (lineStart(of: cursor), nil)
    case (.character("e"), .control): (lineEnd(of: cursor), nil)
    case (.home, .control): (0, nil)
    case (.end, .control): (scalarCount, nil)
    default: nil
    }
  }

  private mutating func move(to destination: Destination, selects: Bool) {
    if selects {
      anchor = anchor ?? cursor
    } else {
      anchor = nil
    }
    cursor = destination.offset
    goalColumn = destination.column
  }

  private func verticalTarget(rows: Int) -> Destination {
    var place = place(of: cursor)
    let column = goalColumn ?? column(of: cursor, on: place)
    for _ in 0..<abs(rows) {
      guard let next = rows < 0 ? placeBefore(place) : placeAfter(place) else {
        // Beyond the first or last row: to the very beginning or end.
        return (rows < 0 ? 0 : scalarCount, column)
      }
      place = next
    }
    return (offset(atColumn: column, on: place), column)
  }

  private func rowEdge(atEnd: Bool) -> Int {
    let place = place(of: cursor)
    return atEnd
      ? offset(atColumn: .max, on: place) : place.segmentStart + place.rows[place.row].start
  }

  // MARK: Lines and words

  private func lineStart(of offset: Int) -> Int {
    var (segment, local) = content.locate(offset)
    var start = offset - local
    while segment > 0, !content.segments[segment - 1].endsLine {
      segment -= 1
      local = 0
      start -= content.segments[segment].scalarCount
    }
    return start
  }

  private func lineEnd(of offset: Int) -> Int {
    let (located, local) = content.locate(offset)
    var segment = located
    var end = offset - local
    while !content.segments[segment].endsLine, segment + 1 < content.segments.count {
      end += content.segments[segment].scalarCount
      segment += 1
    }
    let last = content.segments[segment]
    let lineEnd = last.text.last.map { Self.isLineEnd($0) ? $0.unicodeScalars.count : 0 } ?? 0
    return end + last.scalarCount - lineEnd
  }

  private func wordStart(before offset: Int) -> Int {
    var (segment, local) = content.locate(offset)
    var start = offset - local
    var isInWord = false
    while true {
      var position = local
      for character in prefix(of: segment, local).reversed() {
        if character.isPartOfWord {
          isInWord = true
        } else if isInWord {
          return start + position
        }
        position -= character.unicodeScalars.count
      }
      guard segment > 0 else { return 0 }
      segment -= 1
      local = content.segments[segment].scalarCount
      start -= local
    }
  }

  private func wordEnd(after offset: Int) -> Int {
    var (segment, local) = content.locate(offset)
    var position = offset
    var isInWord = false
    while segment < content.segments.count {
      let scalars = content.segments[segment].text.unicodeScalars.dropFirst(local)
      for character in String(String.UnicodeScalarView(scalars)) {
        if character.isPartOfWord {
          isInWord = true
        } else if isInWord {
          return position
        }
        position += character.unicodeScalars.count
      }
      segment += 1
      local = 0
    }
    return scalarCount
  }

  private func prefix(of segment: Int, _ local: Int) -> String {
    String(String.UnicodeScalarView(content.segments[segment].text.unicodeScalars.prefix(local)))
  }
}
