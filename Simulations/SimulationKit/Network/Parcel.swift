/// A connection between two nodes, numbered in the order in which they were made.
struct ConnectionID: Hashable, Comparable {
  var number: Int

  static func < (left: ConnectionID, right: ConnectionID) -> Bool { left.number < right.number }
}

/// One end of a connection.
enum Side: Int {
  case dialler, listener

  var other: Side { self == .dialler ? .listener : .dialler }
}

/// A piece of what an end sent, on its way.
final class Parcel {
  enum Cargo {
    case bytes([UInt8])
    case closed
  }

  /// What becomes of it.
  enum Fate: String {
    case delivered, lost, duplicated, reordered, corrupted, truncated, injected
  }

  private(set) var cargo: Cargo
  let fate: Fate
  let connection: ConnectionID
  /// The end that it is on its way to.
  let side: Side
  /// The node that sent it.
  let from: Int
  let sentAt: Int
  /// When it arrives.
  var at = 0

  init(
    _ cargo: Cargo, fate: Fate, connection: ConnectionID, side: Side, from: Int, sentAt: Int
  ) {
    self.cargo = cargo
    self.fate = fate
    self.connection = connection
    self.side = side
    self.from = from
    self.sentAt = sentAt
  }

  var byteCount: Int {
    if case .bytes(let bytes) = cargo { bytes.count } else { 0 }
  }

  func isDue(_ time: Int) -> Bool { at <= time }

  /// Takes more bytes along; false when it cannot.
  func append(_ more: [UInt8]) -> Bool {
    guard fate == .delivered, case .bytes(var bytes) = cargo else { return false }
    cargo = .closed
    bytes += more
    cargo = .bytes(bytes)
    return true
  }
}

extension Weather {
  /// What a link with two ends in different weather has.
  func worse(_ other: Weather) -> Weather {
    guard self != other else { return self }
    var worse = self
    for field in Weather.fields {
      worse[keyPath: field.path] = max(self[keyPath: field.path], other[keyPath: field.path])
    }
    if bytesPerSecond > 0, other.bytesPerSecond > 0 {
      worse.bytesPerSecond = min(bytesPerSecond, other.bytesPerSecond)
    }
    return worse
  }

  /// Makes the weather as bad as a fault says.
  mutating func add(_ fault: Fault) {
    func limited(_ now: Int) -> Int { max(now, min(max(fault.amount, 0), 1_000_000)) }
    switch fault.kind {
    case .lose: loseMillionths = limited(loseMillionths)
    case .duplicate: duplicateMillionths = limited(duplicateMillionths)
    case .reorder: reorderMillionths = limited(reorderMillionths)
    case .corrupt: corruptMillionths = limited(corruptMillionths)
    case .truncate: truncateMillionths = limited(truncateMillionths)
    case .slow:
      let limit = max(fault.amount, 1)
      bytesPerSecond = bytesPerSecond == 0 ? limit : min(bytesPerSecond, limit)
    default: break
    }
  }

  /// What becomes of what an end sends: one piece, several, none, or others.
  func pieces(
    of cargo: Parcel.Cargo, _ random: inout RandomStream
  ) -> [(cargo: Parcel.Cargo, fate: Parcel.Fate)] {
    guard case .bytes(let bytes) = cargo, !bytes.isEmpty else { return [(cargo, .delivered)] }
    var pieces: [(cargo: Parcel.Cargo, fate: Parcel.Fate)] = []
    var parts = [bytes]
    if bytes.count > 1, random.chance(millionths: splitMillionths) {
      let cut = random.integer(in: 1...(bytes.count - 1))
      parts = [Array(bytes[..<cut]), Array(bytes[cut...])]
    }
    for part in parts {
      if random.chance(millionths: loseMillionths) {
        pieces.append((.bytes(part), .lost))
      } else if random.chance(millionths: corruptMillionths) {
        var wrong = part
        wrong[random.integer(in: 0...(part.count - 1))] ^= 1 << UInt8(random.integer(in: 0...7))
        pieces.append((.bytes(wrong), .corrupted))
      } else if random.chance(millionths: truncateMillionths) {
        pieces.append(
          (.bytes(Array(part.dropLast(random.integer(in: 1...part.count)))), .truncated))
      } else if random.chance(millionths: duplicateMillionths) {
        pieces.append((.bytes(part), .delivered))
        pieces.append((.bytes(part), .duplicated))
      } else if random.chance(millionths: reorderMillionths) {
        pieces.append((.bytes(part), .reordered))
      } else {
        pieces.append((.bytes(part), .delivered))
      }
    }
    return pieces
  }
}
