import ByteCoding
import Causality

// How the state has a tree: each operation, in their total order. See FORMAT.md of this module.

extension StateFormat {
  static let createdNode: UInt8 = 0
  static let movedNode: UInt8 = 1
  static let removedNode: UInt8 = 2
}

extension StateWriter {
  mutating func write(_ tree: TreeState) {
    out.write(count: tree.log.count)
    // Nodes are numbered in the order in which they were made.
    var numbers = [Int](repeating: 0, count: tree.nodes.count)
    var nodeCount = 0
    var entries = [Int](repeating: 0, count: tree.placements.count)
    var lamport: UInt64 = 0
    for (entry, number) in tree.log.enumerated() {
      let placement = tree.placements[number]
      entries[number] = entry
      let isNew = tree.nodes[placement.node].made == number
      if isNew {
        numbers[placement.node] = nodeCount
        nodeCount += 1
      }
      let isRemoval = placement.parent == TreeState.bin
      out.write(
        isNew
          ? StateFormat.createdNode
          : isRemoval ? StateFormat.removedNode : StateFormat.movedNode)
      write(placement.event)
      out.write(varint: placement.lamport - lamport)
      lamport = placement.lamport
      if !isNew { out.write(count: numbers[placement.node]) }
      guard !isRemoval else { continue }
      out.write(count: placement.parent == TreeState.top ? 0 : 1 + numbers[placement.parent])
      out.write(
        count: placement.after == TreeState.none ? 0 : entry - entries[placement.after])
    }
  }

  static func origins(of tree: TreeState) -> Set<Origin> {
    Set(tree.placements.map(\.event.change.origin))
  }
}

extension StateReader {
  mutating func tree() throws(ByteDecodingError) -> TreeState {
    var tree = TreeState()
    var lamport: UInt64 = 0
    for entry in 0..<(try reader.readCount("tree", minimumBytesEach: 6)) {
      let tag = try reader.readByte("tree operation")
      guard tag <= StateFormat.removedNode else { throw failure(.invalidValue, "tree operation") }
      let event = try event()
      let (sum, overflows) = lamport.addingReportingOverflow(try reader.readVarint("lamport"))
      guard !overflows else { throw failure(.invalidValue, "lamport") }
      lamport = sum
      if let last = tree.log.last {
        guard tree.stamp(of: last) < TreeState.Stamp(lamport: lamport, event: event) else {
          throw failure(.notCanonical, "tree order")
        }
      }
      var node = event
      if tag == StateFormat.createdNode {
        guard document.handles[.element(event, .map)] != nil else {
          throw failure(.invalidValue, "container")
        }
      } else {
        node = try name(ofNode: reader.readCount("node", minimumBytesEach: 0), in: tree)
      }
      let place = tag == StateFormat.removedNode ? nil : try place(entry, in: tree)
      guard
        tree.take(event, lamport: lamport, of: node, to: place, isSeen: { _ in true })
      else { throw failure(.invalidValue, "tree operation") }
    }
    return tree
  }

  private mutating func place(
    _ entry: Int, in tree: TreeState
  ) throws(ByteDecodingError) -> TreePlace {
    var place = TreePlace()
    let parent = try reader.readCount("parent", minimumBytesEach: 0)
    if parent > 0 { place.parent = try name(ofNode: parent - 1, in: tree) }
    let distance = try reader.readCount("place", minimumBytesEach: 0)
    guard distance <= entry else { throw failure(.invalidValue, "place") }
    if distance > 0 { place.after = tree.placements[tree.log[entry - distance]].event }
    return place
  }

  private func name(ofNode number: Int, in tree: TreeState) throws(ByteDecodingError) -> EventID {
    guard number < tree.nodes.count else { throw failure(.invalidValue, "node") }
    return tree.nodes[number].event
  }
}
