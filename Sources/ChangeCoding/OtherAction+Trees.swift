import ByteCoding
import Causality
import Documents

// Operations of trees. They name their tree by themselves, since whoever passes over them learns
// no names.
extension OtherAction {
  /// Nil for all other operations.
  init?(ofTree operation: Operation) {
    var writer = ByteWriter()
    operation.container.writeWhole(to: &writer)
    let code: UInt64
    switch operation.action {
    case .createNode(let place):
      code = BlockLayout.createNodeCode
      place.write(to: &writer)
    case .moveNode(let node, let place):
      code = BlockLayout.moveNodeCode
      node.writeWhole(to: &writer)
      place.write(to: &writer)
    case .deleteNode(let node):
      code = BlockLayout.deleteNodeCode
      node.writeWhole(to: &writer)
    default: return nil
    }
    self.init(code: code, eventCount: 1, bytes: writer.bytes)
  }

  func treeOperation() throws(ByteDecodingError) -> Operation? {
    var reader = ByteReader(bytes)
    let container = try ContainerID(whole: &reader)
    guard container.kind == .tree else { return nil }
    let action: Operation.Action
    switch code {
    case BlockLayout.createNodeCode: action = .createNode(try TreePlace(from: &reader))
    case BlockLayout.moveNodeCode:
      let node = try EventID(whole: &reader)
      action = .moveNode(node, try TreePlace(from: &reader))
    case BlockLayout.deleteNodeCode: action = .deleteNode(try EventID(whole: &reader))
    default: return nil
    }
    try reader.finish("tree operation")
    return Operation(container, action)
  }
}

extension TreePlace {
  private static let parentBit: UInt8 = 1
  private static let afterBit: UInt8 = 2

  fileprivate func write(to writer: inout ByteWriter) {
    writer.write((parent == nil ? 0 : Self.parentBit) | (after == nil ? 0 : Self.afterBit))
    parent?.writeWhole(to: &writer)
    after?.writeWhole(to: &writer)
  }

  fileprivate init(from reader: inout ByteReader) throws(ByteDecodingError) {
    let start = reader.offset
    let bits = try reader.readByte("place in a tree")
    guard bits <= Self.parentBit | Self.afterBit else {
      throw ByteDecodingError(.invalidValue, "place in a tree", at: start)
    }
    self.init()
    if bits & Self.parentBit != 0 { parent = try EventID(whole: &reader) }
    if bits & Self.afterBit != 0 { after = try EventID(whole: &reader) }
  }
}
