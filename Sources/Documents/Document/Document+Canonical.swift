import Causality
package import JSONCoding

extension Document {
  /// Everything that can be reached from the root, with every value of every register, in one
  /// defined form: a pure function of the set of changes applied.
  ///
  /// A container is an object of one member that names its kind. A map has for each key, and a list
  /// for each element, the entries by ascending stamp; an entry names the event that wrote it, its
  /// Lamport time and what it holds. A text that has marks has a second member: its stretches, each
  /// with its length and the marks on it by name, also those that take one away. A tree has its
  /// nodes by the event that made each, removed ones too, each with the node that it stands under
  /// and its place there. Where two entries of a register hold the same container, its content
  /// stands at the first. Complexity: O(document), and sorting the keys.
  package func canonicalJSON() -> JSONValue {
    var members = JSONObject()
    members["document"] = .string(id.description)
    members["frontier"] = .array(
      frontier.map { entry in
        .string(entry.change.description + (entry.endsInDelete ? " deleted" : ""))
      })
    members["deleted"] = .bool(isDeleted)
    members["root"] = canonicalJSON(of: .root, depth: 0)
    return .object(members)
  }

  private func canonicalJSON(of handle: ContainerHandle, depth: Int) -> JSONValue {
    let slot = slot(of: handle)
    let kind = kind(of: handle)
    let content: JSONValue
    switch kind {
    case _ where depth > ContainerID.depthMax: content = .null
    case .map:
      let members = maps[slot].sorted { $0.key < $1.key }.map { key, register in
        JSONObject.Member(key: key.text, value: canonicalJSON(of: register, depth: depth))
      }
      content = .object(JSONObject(uniqueMembers: members))
    case .list:
      content = .array(
        lists[slot].elements.map { canonicalJSON(of: $0.register, depth: depth) })
    case .text: content = .string(texts[slot].string)
    case .counter: content = .string(String(counters[slot]))
    case .tree:
      content = canonicalJSON(ofTree: handle) { canonicalJSON(of: $0, depth: depth + 1) }
    }
    var members = [JSONObject.Member(key: kind.description, value: content)]
    if kind == .text, depth <= ContainerID.depthMax, let marks = marks[slot] {
      members.append(JSONObject.Member(key: "marks", value: marks.canonicalJSON))
    }
    return .object(JSONObject(uniqueMembers: members))
  }

  private func canonicalJSON(of register: Register, depth: Int) -> JSONValue {
    var shown: Set<ContainerHandle> = []
    return .array(
      register.entries.map { entry in
        var members = JSONObject()
        members["event"] = .string(entry.event.description)
        members["lamport"] = .count(entry.lamport)
        switch entry.content {
        case .value(let value): members["value"] = value.canonicalJSON
        case .container(let child) where shown.insert(child).inserted:
          members["container"] = canonicalJSON(of: child, depth: depth + 1)
        case .container: members["container"] = "as before"
        }
        return .object(members)
      })
  }
}
