import Causality

// What planted bugs do; unreachable in builds without them.
extension Document {
  /// What a duplicate does when it is taken for news.
  func performAgain(_ incoming: IncomingEdit) {
    var event = EventID(change: incoming.change, index: 0)
    for operation in incoming.edit.operations {
      let count = perform(operation, at: event, lamport: incoming.lamport)
      event.index &+= UInt32(clamping: count)
    }
  }
}
