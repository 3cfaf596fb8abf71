import ByteCoding
import Documents

extension OtherAction {
  /// Nil for what is no mark.
  init?(ofMark operation: Operation) {
    guard case .mark(let from, let to, let name, let value, let expansion) = operation.action else {
      return nil
    }
    var writer = ByteWriter()
    operation.container.writeWhole(to: &writer)
    writer.write(count: from)
    writer.write(count: to)
    writer.write(expansion.rawValue)
    writer.write(string: name.text)
    value.write(to: &writer)
    self.init(code: BlockLayout.markCode, eventCount: 1, bytes: writer.bytes)
  }

  func markOperation() throws(ByteDecodingError) -> Operation {
    var reader = ByteReader(bytes)
    let container = try ContainerID(whole: &reader)
    let from = try reader.readInt("start of a mark", in: 0...Operation.positionMax)
    let to = try reader.readInt("end of a mark", in: 0...Operation.positionMax)
    guard let expansion = MarkExpansion(rawValue: try reader.readByte("expansion")) else {
      throw ByteDecodingError(.invalidValue, "expansion", at: reader.offset)
    }
    let name = try Key(from: &reader)
    let value = try Value(from: &reader)
    try reader.finish("mark")
    return Operation(container, .mark(from: from, to: to, name, value, expansion))
  }
}
