import ByteCoding
import Documents
import JSONCoding

extension ModelDocument {
  /// What a reader of the document sees.
  func json(in version: ModelVersion) -> JSONValue {
    json(of: .root, in: version, depth: 0, level: 0)
  }

  /// Containers nested deeper than an editor makes them read as null.
  private func json(
    of container: ContainerID, in version: ModelVersion, depth: Int, level: Int
  ) -> JSONValue {
    guard depth <= ContainerID.depthMax else { return .null }
    switch container.kind {
    case .map:
      return .object(
        members(of: container, in: version) {
          json(of: $0.last, in: version, depth: depth, level: level)
        })
    case .list:
      return .array(
        elements(of: container, in: version).map {
          json(of: $0.last, in: version, depth: depth, level: level)
        })
    case .text: return .string(sequences[container]?.text(in: version) ?? "")
    case .counter: return .integer(Int64(clamping: sum(of: container, in: version)))
    case .tree:
      return json(
        ofTree: container, in: version,
        content: { json(of: $0, in: version, depth: depth + 1, level: $1) }, level: level)
    }
  }

  private func json(
    of entry: Entry?, in version: ModelVersion, depth: Int, level: Int
  ) -> JSONValue {
    switch entry?.content {
    case .value(let value): value.json
    case .container(let container):
      json(of: container, in: version, depth: depth + 1, level: level)
    case nil: .null
    }
  }

  /// Everything that can be reached from the root, with every entry of every register, in the form
  /// that `Document.canonicalJSON()` documents.
  func canonicalJSON(in version: ModelVersion) -> JSONValue {
    [
      "document": .string(id.description),
      "frontier": .array(
        frontier(of: version).map { part in
          .string("\(part.change)" + (part.endsInDelete ? " deleted" : ""))
        }),
      "deleted": .bool(isDeleted(in: version)),
      "root": canonicalJSON(of: .root, in: version, depth: 0),
    ]
  }

  private func canonicalJSON(
    of container: ContainerID, in version: ModelVersion, depth: Int
  ) -> JSONValue {
    func content() -> JSONValue {
      guard depth <= ContainerID.depthMax else { return .null }
      switch container.kind {
      case .map:
        return .object(
          members(of: container, in: version) {
            canonicalJSON(of: $0, in: version, depth: depth)
          })
      case .list:
        return .array(
          elements(of: container, in: version).map {
            canonicalJSON(of: $0, in: version, depth: depth)
          })
      case .text: return .string(sequences[container]?.text(in: version) ?? "")
      case .counter: return .string("\(sum(of: container, in: version))")
      case .tree:
        return canonicalJSON(ofTree: container, in: version) {
          canonicalJSON(of: $0, in: version, depth: depth + 1)
        }
      }
    }
    var shown: JSONObject = [container.kind.description: content()]
    if container.kind == .text, depth <= ContainerID.depthMax,
      let marks = sequences[container]?.canonicalMarks(in: version, canonicalJSON(of:))
    {
      shown["marks"] = marks
    }
    return .object(shown)
  }

  private func canonicalJSON(
    of entries: [Entry], in version: ModelVersion, depth: Int
  ) -> JSONValue {
    .array(
      entries.indices.map { index in
        let entry = entries[index]
        var members: JSONObject = [
          "event": .string("\(entry.event)"), "lamport": .count(entry.lamport),
        ]
        switch entry.content {
        case .value(let value): members["value"] = canonicalJSON(of: value)
        case .container where entries[..<index].contains { $0.content == entry.content }:
          members["container"] = "as before"
        case .container(let child):
          members["container"] = canonicalJSON(of: child, in: version, depth: depth + 1)
        }
        return .object(members)
      })
  }

  private func canonicalJSON(of value: Value) -> JSONValue {
    switch value {
    case .integer(let number) where number.magnitude > 1 << 53:
      ["integer": .string("\(number)")]
    case .bytes(let bytes): ["bytes": .string(Base64URL.encode(bytes))]
    case .timestamp(let moment): ["timestamp": .string(moment.text)]
    default: value.json
    }
  }

  private func members(
    of map: ContainerID, in version: ModelVersion, _ json: ([Entry]) -> JSONValue
  ) -> JSONObject {
    JSONObject(
      uniqueMembers: members(of: map, in: version).map { key, entries in
        JSONObject.Member(key: key.text, value: json(entries))
      })
  }
}
