import ByteCoding
public import Causality

/// What somebody has called a version of a document.
public struct NamedVersion: Hashable, Sendable {
  public var name: String
  public var version: VersionVector
  /// The change that gave the name.
  public var change: ChangeID
}

/// An operation by which a version of the document gets a name, or the name is given up: for
/// everybody. It has no effect on what the document shows. Of several that give one name the last
/// counts, by Lamport time, then by event.
///
///     bytes = name:string isGiven:bool [ vector ]
///     vector = count { origin:16 sequence:varint(>0) }, ascending
package struct VersionName: Hashable, Sendable {
  /// The number of the operation among those added after the first release.
  package static let code: UInt64 = 24

  /// The longest name, in UTF-8 bytes.
  package static let byteCountMax = 1_024

  var name: Key
  /// Nil: the name is given up.
  var version: VersionVector?
}

extension VersionName {
  /// Nil for every other action, and for bytes that no release writes.
  init?(_ action: Operation.Action) {
    guard case .unknown(Self.code, 1, let bytes) = action else { return nil }
    do throws(ByteDecodingError) {
      var reader = ByteReader(bytes)
      name = Key(try reader.readString("name of a version"))
      version =
        try reader.readBool("name of a version") ? try VersionVector(from: &reader) : nil
      try reader.finish("name of a version")
      guard name.text.utf8.count <= Self.byteCountMax else { return nil }
    } catch {
      return nil
    }
  }

  var action: Operation.Action {
    var writer = ByteWriter()
    writer.write(string: name.text)
    writer.write(bool: version != nil)
    version?.write(to: &writer)
    return .unknown(code: Self.code, eventCount: 1, bytes: writer.bytes)
  }

  /// An operation with the changes that it names under other names; see ``UndoMark``.
  package static func renaming(
    _ action: Operation.Action, _ name: (ChangeID) -> ChangeID
  ) -> Operation.Action {
    guard var named = VersionName(action), let version = named.version else { return action }
    var renamed = VersionVector()
    for entry in version.entries {
      let last = ChangeID(origin: entry.origin, sequence: entry.sequence)
      let new = name(last)
      renamed.advance(to: new)
      // The renamed ones count from 1; those before them had been sent and keep their names.
      if new != last, entry.sequence > new.sequence {
        renamed.advance(entry.origin, to: entry.sequence - new.sequence)
      }
    }
    named.version = renamed
    return named.action
  }
}

extension Editor {
  /// Calls a version of the document by a name that everybody sees; another version of that name
  /// loses it.
  ///
  /// - Parameter version: nil gives the name up.
  package func name(_ version: VersionVector?, _ name: String) throws(EditError) {
    guard !name.isEmpty, name.utf8.count <= VersionName.byteCountMax else {
      throw EditError(
        .limitExceeded,
        "the name of a version has from 1 to \(VersionName.byteCountMax) bytes, this one has "
          + "\(name.utf8.count)")
    }
    try checkRoom(for: 1)
    record(.root, VersionName(name: Key(name), version: version).action)
  }
}

extension DocumentHistory {
  /// The versions that have names, by name. Complexity: O(operations other than those of texts and
  /// lists).
  package var namedVersions: [NamedVersion] {
    var last: [Key: (lamport: UInt64, event: EventID, version: VersionVector?)] = [:]
    for other in others {
      guard let named = VersionName(other.operation.action) else { continue }
      let event = event(at: other.version)
      if let before = last[named.name],
        (before.lamport, before.event) > (other.lamport, event)
      {
        continue
      }
      last[named.name] = (other.lamport, event, named.version)
    }
    return last.sorted { $0.key < $1.key }.compactMap { name, given in
      given.version.map {
        NamedVersion(name: name.text, version: $0, change: given.event.change)
      }
    }
  }
}
