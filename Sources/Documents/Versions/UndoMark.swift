import ByteCoding
package import Causality

/// What a change says of itself that takes an edit of its author back or does it again: an
/// operation without an effect. By it the author's ``UndoStack`` can be made again, and everybody
/// knows which of its events stand for which events before: a character that was deleted comes back
/// as a new one, a value as a new entry, an element of a list at a new place.
///
///     bytes = direction:byte(0 undo, 1 redo)
///             count { origin:16 first:varint(>0) length:varint(>0) }     the edit, as in ChangeSet
///             count { index:varint length:varint(>0) event }             what stands for what
///     event = origin:16 sequence:varint(>0) index:varint(<2^32)
///
/// Events `index`, `index` + 1, … of the change stand for the event named and those that follow it
/// in its change. An event that stood for another itself is never named, but that other one.
package struct UndoMark: Hashable, Sendable {
  /// The number of the operation among those added after the first release.
  package static let code: UInt64 = 25

  /// The most changes that one names.
  private static let changeCountMax: UInt64 = 1 << 24

  /// Consecutive events of the change that stand for consecutive ones of another.
  struct Standing: Hashable, Sendable {
    var index: UInt32
    var count: UInt32
    var root: EventID
  }

  var direction: UndoStack.Direction
  /// The edit that is taken back or done again.
  var edit: ChangeSet
  /// Ascending.
  private(set) var standings: [Standing] = []

  init(_ step: UndoStack.Step) {
    direction = step.direction
    edit = step.edit
  }

  /// Notes that events of the change, after those noted before, stand for others.
  mutating func note(_ index: UInt32, count: Int, for root: EventID) {
    // What is folded has no name: it comes back as something new.
    guard root.change.sequence > 0 else { return }
    if let last = standings.last, last.index + last.count == index,
      last.root.change == root.change, last.root.index + last.count == root.index
    {
      standings[standings.count - 1].count += UInt32(clamping: count)
    } else {
      standings.append(Standing(index: index, count: UInt32(clamping: count), root: root))
    }
  }
}

extension UndoMark {
  /// Nil for every other action, and for bytes that no release writes.
  init?(_ action: Operation.Action) {
    guard case .unknown(Self.code, 1, let bytes) = action else { return nil }
    do throws(ByteDecodingError) {
      try self.init(bytes)
    } catch {
      return nil
    }
  }

  var action: Operation.Action {
    var writer = ByteWriter()
    writer.write(direction.rawValue)
    writer.write(count: edit.runs.count)
    for run in edit.runs {
      run.origin.write(to: &writer)
      writer.write(varint: run.sequences.lowerBound)
      writer.write(varint: run.sequences.upperBound - run.sequences.lowerBound + 1)
    }
    writer.write(count: standings.count)
    for standing in standings {
      writer.write(varint: UInt64(standing.index))
      writer.write(varint: UInt64(standing.count))
      standing.root.change.origin.write(to: &writer)
      writer.write(varint: standing.root.change.sequence)
      writer.write(varint: UInt64(standing.root.index))
    }
    return .unknown(code: Self.code, eventCount: 1, bytes: writer.bytes)
  }

  private init(_ bytes: [UInt8]) throws(ByteDecodingError) {
    var reader = ByteReader(bytes)
    let what = "changes taken back"
    guard let direction = UndoStack.Direction(rawValue: try reader.readByte(what)) else {
      throw ByteDecodingError(.invalidValue, what, at: reader.offset)
    }
    self.direction = direction
    edit = ChangeSet()
    var total: UInt64 = 0
    for _ in 0..<(try reader.readCount(what, minimumBytesEach: Origin.byteCount + 2)) {
      let origin = try Origin(from: &reader)
      let first = try reader.readVarint(what)
      let length = try reader.readVarint(what)
      let (end, overflows) = first.addingReportingOverflow(length)
      guard first > 0, length > 0, !overflows, length <= Self.changeCountMax - total else {
        throw ByteDecodingError(.invalidValue, what, at: reader.offset)
      }
      total += length
      edit.insert(ChangeSet.Run(origin: origin, sequences: first...end - 1))
    }
    for _ in 0..<(try reader.readCount(what, minimumBytesEach: Origin.byteCount + 4)) {
      let index = try reader.readVarint(what)
      let count = try reader.readVarint(what)
      let origin = try Origin(from: &reader)
      let sequence = try reader.readVarint(what)
      let root = try reader.readVarint(what)
      guard index <= 1 << 30, count > 0, count <= 1 << 30, sequence > 0, root <= 1 << 30,
        index >= standings.last.map({ UInt64($0.index) + UInt64($0.count) }) ?? 0
      else { throw ByteDecodingError(.invalidValue, what, at: reader.offset) }
      standings.append(
        Standing(
          index: UInt32(clamping: index), count: UInt32(clamping: count),
          root: EventID(
            change: ChangeID(origin: origin, sequence: sequence), index: UInt32(clamping: root))))
    }
    try reader.finish(what)
  }

  /// An operation with the changes that it names under other names: for a replica that goes on
  /// under a new origin with changes that nobody has seen yet.
  package static func renaming(
    _ action: Operation.Action, _ name: (ChangeID) -> ChangeID
  ) -> Operation.Action {
    guard var mark = UndoMark(action) else { return action }
    var renamed = ChangeSet()
    for run in mark.edit.runs {
      for sequence in run.sequences {
        renamed.insert(name(ChangeID(origin: run.origin, sequence: sequence)))
      }
    }
    mark.edit = renamed
    for index in mark.standings.indices {
      mark.standings[index].root.change = name(mark.standings[index].root.change)
    }
    return mark.action
  }
}
