package import ByteCoding
import Causality

extension Document {
  /// Appends all that ``canonicalJSON()`` says, in bytes that are quicker to make: for digests by
  /// which states that are looked at often are compared. They are no format and are never stored.
  ///
  /// Complexity: O(document), and sorting the keys.
  package func appendCanonicalBytes(to writer: inout ByteWriter) {
    id.write(to: &writer)
    writer.write(count: frontier.count)
    for entry in frontier {
      entry.change.origin.write(to: &writer)
      writer.write(varint: entry.change.sequence)
      writer.write(bool: entry.endsInDelete)
    }
    writer.write(bool: isDeleted)
    append(.root, depth: 0, to: &writer)
  }

  private func append(_ handle: ContainerHandle, depth: Int, to writer: inout ByteWriter) {
    let slot = slot(of: handle)
    let kind = kind(of: handle)
    writer.write(kind.rawValue)
    writer.write(bool: depth <= ContainerID.depthMax)
    guard depth <= ContainerID.depthMax else { return }
    switch kind {
    case .tree: appendTree(handle, depth: depth, to: &writer)
    case .map:
      writer.write(count: maps[slot].count)
      for (key, register) in maps[slot].sorted(by: { $0.key < $1.key }) {
        writer.write(string: key.text)
        append(register, depth: depth, to: &writer)
      }
    case .list:
      writer.write(count: lists[slot].count)
      for element in lists[slot].shownElements {
        append(lists[slot].register(of: element) ?? Register(), depth: depth, to: &writer)
      }
    case .text:
      writer.write(count: texts[slot].utf8Count)
      texts[slot].appendUTF8(to: &writer.storage)
      if let marks = marks[slot] {
        for origin in marks.origins.sorted() { origin.write(to: &writer) }
        marks.write(to: &writer) { change, writer in
          change.origin.write(to: &writer)
          writer.write(varint: change.sequence)
        }
      }
    case .counter:
      writer.write(fixed: UInt64(truncatingIfNeeded: counters[slot] >> 64))
      writer.write(fixed: UInt64(truncatingIfNeeded: counters[slot]))
    }
  }

  private func appendTree(_ tree: ContainerHandle, depth: Int, to writer: inout ByteWriter) {
    let slot = slot(of: tree)
    writer.write(count: trees[slot].nodes.count)
    let sorted = trees[slot].nodes.indices.sorted {
      trees[slot].nodes[$0].event < trees[slot].nodes[$1].event
    }
    for node in sorted {
      append(trees[slot].nodes[node].event, to: &writer)
      append(content(of: node, in: tree), depth: depth + 1, to: &writer)
    }
    // With those of each parent in order, it is told where everything stands.
    for parent in [TreeState.top] + sorted {
      let children = trees[slot].children(of: parent)
      writer.write(count: children.count)
      for child in children { append(trees[slot].nodes[child].event, to: &writer) }
    }
  }

  private func append(_ event: EventID, to writer: inout ByteWriter) {
    event.change.origin.write(to: &writer)
    writer.write(varint: event.change.sequence)
    writer.write(varint: UInt64(event.index))
  }

  private func append(_ register: Register, depth: Int, to writer: inout ByteWriter) {
    writer.write(count: register.entries.count)
    for (index, entry) in register.entries.enumerated() {
      append(entry.event, to: &writer)
      writer.write(varint: entry.lamport)
      switch entry.content {
      case .value(let value): value.write(to: &writer)
      case .container(let child):
        let isShown = register.entries[..<index].contains { $0.content == entry.content }
        writer.write((isShown ? StateFormat.containerTag + 1 : StateFormat.containerTag) as UInt8)
        if !isShown { append(child, depth: depth + 1, to: &writer) }
      }
    }
  }
}
