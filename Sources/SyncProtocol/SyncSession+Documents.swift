// One document by itself: what is stored of it has rotted at one replica, and what it could be made
// again from was dropped there, as every member had it. Another replica gives all that it holds of
// it. A relay has none.
extension SyncSession {
  /// Whether the peer can be asked for a document; one of an earlier release does not answer.
  package var givesDocuments: Bool {
    guard phase == .running, let peer = theirHello else { return false }
    return peer.role == .replica && peer.features & Hello.takesSnapshots != 0
  }

  /// Asks the peer for a document.
  ///
  /// - Parameter id: of `MessageLimits.documentBytes`.
  package mutating func wantDocument(_ id: [UInt8], now: UInt64) -> [SessionAction] {
    advanceClock(now)
    guard givesDocuments else { return [] }
    send(.documentWant(id))
    return finish()
  }

  /// Answers `needDocument` with parts, in order; with none when there is nothing to give.
  package mutating func giveDocument(_ parts: [[UInt8]], now: UInt64) -> [SessionAction] {
    advanceClock(now)
    guard phase == .running else { return [] }
    if parts.isEmpty { send(.documentPart([], isLast: true)) }
    for (index, part) in parts.enumerated() {
      send(.documentPart(part, isLast: index == parts.count - 1))
    }
    return finish()
  }

  mutating func takeDocumentMessage(_ message: Message) throws(SessionEnding.Violation) {
    guard hasMet else { throw .unexpected("a document") }
    switch message {
    case .documentWant(let id):
      guard configuration.takesSnapshots else { return }
      actions.append(.needDocument(id))
    case .documentPart(let bytes, let isLast):
      actions.append(.storeDocument(bytes, isLast: isLast))
    default: break
    }
  }
}
