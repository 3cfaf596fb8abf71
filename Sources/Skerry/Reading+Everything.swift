internal import ReplicaStore
private import Sealing

// What takes as long as the store is large.
extension Reading {
  func info() throws(ReplicaError) -> Info {
    try ReplicaError.translating {
      try store.read {
        let info = try store.info()
        return Info(
          identity: Identity(store), documentCount: Int(clamping: info.documents),
          changeCount: UInt64(clamping: info.changes),
          segmentCount: Int(clamping: info.segments),
          unsealedChangeCount: Int(clamping: info.unsealedChanges),
          version: store.appliedVector, floor: try store.floor(),
          fileBytes: Int64(clamping: info.fileBytes),
          segmentBytes: Int64(clamping: info.segmentBytes),
          stateDigest: try store.stateDigest().description)
      }
    }
  }

  func log(
    document: DocumentID?, limit: Int, _ line: (LoggedChange) -> Bool
  ) throws(ReplicaError) {
    try ReplicaError.translating {
      if let document, try store.document(document) == nil {
        throw ReplicaError.noDocument(document)
      }
      guard limit > 0 else { return }
      var remaining = limit
      try store.log(document: document) { change in
        remaining -= 1
        let goesOn = line(
          LoggedChange(
            id: change.id, lamport: change.lamport, time: change.time,
            byteCount: change.byteCount, documents: change.documents))
        return goesOn && remaining > 0
      }
    }
  }

  func exportCanonical(_ line: ([UInt8]) throws -> Void) throws {
    do {
      try store.read { try store.exportCanonical(line) }
    } catch let error as StoreError {
      throw ReplicaError(error)
    }
  }
}
