extension Editor {
  /// Puts a mark on the scalars of a range of the text at `path`, in place of what they have of
  /// that name. What stands beside each other on the same characters needs a name each.
  ///
  /// - Parameters:
  ///   - value: anything but null.
  ///   - expansion: whether what is typed at an edge, from now on or at the same time, is marked
  ///     too.
  /// - Throws: `outOfRange` when the range is empty or reaches beyond the text, `invalidValue` for
  ///   a name without a character, null and a number that is not finite, `limitExceeded` for a name
  ///   of more than 1,024 bytes and for the 257th name on one character.
  package func mark(
    _ path: DocumentPath, _ range: Range<Int>, name: String, value: Value,
    expand expansion: MarkExpansion = .after
  ) throws(EditError) {
    let handle = try textToMark(path, range, name)
    switch value {
    case .null:
      throw EditError(
        .invalidValue, at: path, "a mark has a value; null takes one away, which is unmark")
    case .double(let number) where !number.isFinite:
      throw EditError(.invalidValue, at: path, "a mark cannot hold a number that is not finite")
    default: break
    }
    let others = document.marks[document.slot(of: handle)]?.nameCount(in: range, besides: Key(name))
    guard others ?? 0 < EditLimits.markNamesMax else {
      throw EditError(
        .limitExceeded, at: path,
        "a character has marks of at most \(EditLimits.markNamesMax) names; what many put beside "
          + "each other belongs in a list that marks name")
    }
    try checkRoom(for: 1)
    record(
      handle,
      .mark(from: range.lowerBound, to: range.upperBound, Key(name), value, expansion))
  }

  /// Takes the mark of a name away from the scalars of a range of the text at `path`. Where none of
  /// them has it, nothing is done.
  ///
  /// - Parameter expansion: whether what is typed at an edge at the same time is without it, too.
  /// - Throws: as ``mark(_:_:name:value:expand:)``.
  package func unmark(
    _ path: DocumentPath, _ range: Range<Int>, name: String,
    expand expansion: MarkExpansion = .after
  ) throws(EditError) {
    let handle = try textToMark(path, range, name)
    let key = Key(name)
    guard document.marks[document.slot(of: handle)]?.has(key, in: range) == true else { return }
    try checkRoom(for: 1)
    record(
      handle, .mark(from: range.lowerBound, to: range.upperBound, key, .null, expansion))
  }

  /// Marks a text without marks as another one is that reads the same.
  func putMarks(_ marks: TextMarks, on text: ContainerHandle) {
    marks.forEachShown { range, mark in
      record(
        text,
        .mark(
          from: range.lowerBound, to: range.upperBound, mark.name, mark.value, mark.expansion))
    }
  }

  func textToMark(
    _ path: DocumentPath, _ range: Range<Int>, _ name: String
  ) throws(EditError) -> ContainerHandle {
    let handle = try document.handle(at: path, kind: .text)
    let length = document.storedTexts[document.slot(of: handle)].count
    guard range.lowerBound >= 0, range.upperBound <= length else {
      throw EditError(
        .outOfRange, at: path,
        "\(range.lowerBound) to \(range.upperBound) cannot be marked, the length is \(length)")
    }
    guard !range.isEmpty else {
      throw EditError(.outOfRange, at: path, "a range without characters cannot be marked")
    }
    guard !name.isEmpty else {
      throw EditError(.invalidValue, at: path, "a mark has a name")
    }
    try EditLimits.check(name, at: path)
    return handle
  }
}
