import ByteCoding
import Causality
import Documents

/// An operation that came after the first release, as every release can carry it: a number, how
/// many events it is, and bytes that mean something to those who know the number.
struct OtherAction {
  var code: UInt64
  var eventCount: Int
  var bytes: [UInt8]
}

extension OtherAction {
  /// Nil for operations of the first release.
  init?(_ operation: Operation) {
    switch operation.action {
    case .resolve(let events):
      var writer = ByteWriter()
      writer.write(count: events.count)
      for event in events { event.writeWhole(to: &writer) }
      self.init(code: BlockLayout.resolveCode, eventCount: 1, bytes: writer.bytes)
    case .createNode, .moveNode, .deleteNode: self.init(ofTree: operation)
    case .mark: self.init(ofMark: operation)
    case .unknown(let code, let eventCount, let bytes):
      self.init(code: code, eventCount: eventCount, bytes: bytes)
    case .set, .make, .delete, .increment, .insertText, .insertElements, .remove, .setElement,
      .deleteDocument:
      return nil
    }
  }

  /// What it means here. Bytes that no release writes under a number that is known are kept like
  /// those under a number that is not.
  func operation(in language: OperationLanguage) -> Operation {
    if eventCount == 1, code <= language.highestCode {
      switch code {
      case BlockLayout.resolveCode:
        if let events = try? resolvedEvents() { return Operation(.root, .resolve(events)) }
      case BlockLayout.createNodeCode, BlockLayout.moveNodeCode, BlockLayout.deleteNodeCode:
        if let operation = try? treeOperation() { return operation }
      case BlockLayout.markCode:
        if let operation = try? markOperation() { return operation }
      default: break
      }
    }
    return Operation(.root, .unknown(code: code, eventCount: eventCount, bytes: bytes))
  }

  private func resolvedEvents() throws(ByteDecodingError) -> [EventID] {
    var reader = ByteReader(bytes)
    let count = try reader.readCount("events resolved", minimumBytesEach: Origin.byteCount + 2)
    var events: [EventID] = []
    events.reserveCapacity(count)
    for _ in 0..<count {
      let event = try EventID(whole: &reader)
      guard events.last.map({ $0 < event }) ?? true else {
        throw ByteDecodingError(.notCanonical, "events resolved", at: reader.offset)
      }
      events.append(event)
    }
    guard !events.isEmpty else {
      throw ByteDecodingError(.invalidValue, "events resolved", at: reader.offset)
    }
    try reader.finish("events resolved")
    return events
  }
}
