import ByteCoding
import Causality

/// A place between the characters of a text or the elements of a list that stays where it points,
/// whatever anybody edits: it names what stands beside it.
///
/// It can be kept, and sent as a short text. Where it is now, the document tells
/// (``Document/positions(of:at:in:)``). Once what it names is deleted, it is where that was.
public struct Cursor: Hashable, Sendable {
  /// On which side of the cursor stands what it goes with: what is put in at the very place comes
  /// to the other side.
  public enum Side: UInt8, Hashable, Sendable {
    case before = 0
    case after = 1
  }

  public let side: Side
  /// The character or the element beside it. Nil: the start, where it goes with what is before it,
  /// or the end.
  let neighbour: EventID?

  init(_ side: Side, of neighbour: EventID?) {
    self.side = side
    self.neighbour = neighbour
  }
}

extension Cursor {
  /// `c1:` and, in base64url, the side and, where there is one, the neighbour: its origin's 16
  /// bytes and two varints, the number of its change and its own.
  public var text: String {
    var writer = ByteWriter()
    writer.write(side.rawValue)
    if let neighbour {
      neighbour.change.origin.write(to: &writer)
      writer.write(varint: neighbour.change.sequence)
      writer.write(varint: UInt64(neighbour.index))
    }
    return "c1:" + Base64URL.encode(writer.bytes)
  }

  /// Nil for what is no cursor's text.
  public init?(text: some StringProtocol) {
    do throws(ByteDecodingError) {
      try self.init(decoding: text)
    } catch {
      return nil
    }
  }

  private init(decoding text: some StringProtocol) throws(ByteDecodingError) {
    let what = "cursor"
    guard text.hasPrefix("c1:") else { throw ByteDecodingError(.unsupportedVersion, what) }
    var reader = ByteReader(try Base64URL.decode(text.dropFirst(3)))
    guard let side = Side(rawValue: try reader.readByte(what)) else {
      throw ByteDecodingError(.invalidValue, what, at: reader.offset)
    }
    if reader.isAtEnd {
      self.init(side, of: nil)
      return
    }
    let origin = try Origin(from: &reader)
    let sequence = try reader.readVarint(what)
    // No change has the number 0; with it characters are named of whose changes nothing is known.
    guard let index = UInt32(exactly: try reader.readVarint(what)) else {
      throw ByteDecodingError(.invalidValue, what, at: reader.offset)
    }
    try reader.finish(what)
    self.init(
      side, of: EventID(change: ChangeID(origin: origin, sequence: sequence), index: index))
  }
}

// MARK: In documents

extension Document {
  /// A cursor at a position of the text or list at `path`.
  ///
  /// - Parameters:
  ///   - position: in Unicode scalars or elements.
  ///   - side: where what it goes with stands; text that is typed at a cursor's place by somebody
  ///     else comes to the other side.
  ///   - history: that of the document as it is.
  /// - Throws: ``EditError`` where no text or list is or the position is beyond its end,
  ///   ``MergeError`` when the history is damaged.
  /// - Complexity: O(n log n) for the n operations of a text's history; O(log n) in a list.
  package func cursor(
    at position: Int, of path: DocumentPath, side: Cursor.Side, in history: DocumentHistory
  ) throws -> Cursor {
    let (handle, count) = try sequence(at: path)
    guard position >= 0, position <= count else {
      throw EditError(
        .outOfRange, at: path, "position \(position) is beyond the end, the length is \(count)")
    }
    let neighbour = side == .before ? position - 1 : position
    guard neighbour >= 0, neighbour < count else { return Cursor(side, of: nil) }
    if kind(of: handle) == .list {
      return Cursor(side, of: lists[slot(of: handle)].element(at: neighbour))
    }
    let found = try withSequence(handle, of: history) { sequence -> Int? in
      let steps = try difference(handle, history, sequence, from: [], to: history.graph.frontier)
      var offset = 0
      for step in steps {
        if neighbour < offset + step.count { return step.version + neighbour - offset }
        offset += step.count
      }
      return nil
    }
    guard let version = found ?? nil else {
      throw MergeError.damagedHistory("document \(id): it does not end where the state does")
    }
    return Cursor(side, of: history.event(at: version))
  }

  /// Where cursors in the text or list at `path` are now.
  ///
  /// - Returns: for each of them the position; nil for one that names nothing that was ever there.
  /// - Throws: as ``cursor(at:of:side:in:)``.
  /// - Complexity: O(n log n) for the n operations of the history of the text or list, however many
  ///   the cursors; O(n) in a list of n elements for those whose elements are there.
  package func positions(
    of cursors: [Cursor], at path: DocumentPath, in history: DocumentHistory
  ) throws -> [Int?] {
    let (handle, count) = try sequence(at: path)
    var positions = cursors.map { cursor -> Int? in
      cursor.neighbour == nil ? (cursor.side == .before ? 0 : count) : nil
    }
    var unknown = cursors.indices.filter { cursors[$0].neighbour != nil }
    if kind(of: handle) == .list, !unknown.isEmpty {
      var shown: [EventID: Int] = [:]
      for (index, element) in lists[slot(of: handle)].shownElements.enumerated() {
        shown[element] = index
      }
      unknown = unknown.filter { index in
        guard let element = cursors[index].neighbour, let found = shown[element] else {
          return true
        }
        positions[index] = cursors[index].side == .before ? found + 1 : found
        return false
      }
    }
    let versions = unknown.map { index in
      cursors[index].neighbour.flatMap { history.version(of: $0) } ?? -1
    }
    guard versions.contains(where: { $0 >= 0 }) else { return positions }
    let places = try withSequence(handle, of: history) { sequence in
      do {
        return try SequenceWalker.places(
          of: versions, graph: history.graph, log: sequence.log, ranks: history.ranks)
      } catch {
        throw MergeError.damagedHistory("\(sequence.container) of document \(id): \(error)")
      }
    }
    for (index, place) in zip(unknown, places ?? []) {
      guard let place else { continue }
      // What is there is on one side or the other; what is not takes no room.
      let isPassed = place.isThere && cursors[index].side == .before
      var position = place.position + (isPassed ? 1 : 0)
      if kind(of: handle) == .list {
        // Places that are hidden do not count.
        let list = lists[slot(of: handle)]
        let before = list.places.elements(in: 0..<min(place.position, list.places.count))
        position = before.count { !list.moves.hidden.contains($0) }
      }
      positions[index] = min(position, count)
    }
    return positions
  }

  private func sequence(
    at path: DocumentPath
  ) throws(EditError) -> (handle: ContainerHandle, count: Int) {
    guard case .container(let handle) = try place(at: path),
      [.text, .list].contains(kind(of: handle))
    else {
      throw EditError(
        .wrongKind, at: path, "cursors stand in texts and lists, and none is at '\(path)'")
    }
    let slot = slot(of: handle)
    return (handle, kind(of: handle) == .text ? storedTexts[slot].count : lists[slot].count)
  }
}

// MARK: With patches

extension TextPatch {
  /// Where a position of the text before the patch is after it: the cheap way for whoever sees
  /// every patch. What goes around it takes it to where that was; of what is put in at the very
  /// position it comes to stand behind if it goes with what is after it. Complexity: O(1), and
  /// counting what is inserted.
  public func moving(_ position: Int, side: Cursor.Side) -> Int {
    shifting(
      position, side, at: self.position, removed: removed,
      inserted: inserted.unicodeScalars.count)
  }
}

extension DocumentPatch.Action {
  /// Where a position of the text or list that the patch changes is after it. A position in a list
  /// goes with the element on its side when that is moved.
  public func moving(_ position: Int, side: Cursor.Side) -> Int {
    switch self {
    case .text(let patch): return patch.moving(position, side: side)
    case .elements(let at, let removed, let inserted):
      return shifting(position, side, at: at, removed: removed, inserted: inserted.count)
    case .moved(let from, let to):
      let neighbour = side == .before ? position - 1 : position
      if neighbour == from { return side == .before ? to + 1 : to }
      let without = position > from ? position - 1 : position
      let isBehind = without > to || (without == to && side == .after)
      return isBehind ? without + 1 : without
    case .set, .removed, .marked, .unmarked, .counted, .document: return position
    // No position is in a tree.
    case .nodeMade, .nodeRemoved, .nodeMoved: return position
    }
  }
}

private func shifting(
  _ position: Int, _ side: Cursor.Side, at start: Int, removed: Int, inserted: Int
) -> Int {
  if position < start || (position == start && removed == 0 && side == .before) { return position }
  if position > start + removed { return position - removed + inserted }
  if removed == 0 { return position + inserted }
  // Among what goes, or at an edge of it: it goes with what stays on its side.
  if position == start, side == .before { return start }
  if position == start + removed, side == .after { return start + inserted }
  return side == .before ? start : start + inserted
}
