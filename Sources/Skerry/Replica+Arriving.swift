internal import Documents
internal import ReplicaStore

// A new device that takes a snapshot over shows nothing of its own before all is there: half of a
// workspace would be a state that never was. What has come can be looked at meanwhile.
extension Replica {
  /// Documents of a snapshot that is under way, mostly the newest ones first; empty when none is.
  /// ``changes()`` tells when more have come.
  ///
  /// Each is as the giving replica had it at some moment. They are for looking at: a document that
  /// another one speaks of may not have come, and none can be edited before
  /// ``documents(after:limit:)`` has it.
  ///
  /// - Complexity: O(limit) documents are read.
  public func arrivingDocuments(
    limit: Int = 100
  ) async throws(ReplicaError) -> [(id: DocumentID, value: JSONValue)] {
    try await core.arriving(limit: limit) { try $0.json() }
  }

  /// A document of a snapshot that is under way, as JSON; nil when it has not come, or all has.
  public func arrivingDocument(_ id: DocumentID) async throws(ReplicaError) -> JSONValue? {
    try await core.arriving(id) { try $0.json() }
  }

  /// Those of the documents that can be read as a type; see ``arrivingDocuments(limit:)``.
  public func arrivingModels<Model: Decodable & Sendable>(
    as type: Model.Type, limit: Int = 100
  ) async throws(ReplicaError) -> [(id: DocumentID, model: Model)] {
    try await core.arriving(limit: limit) { try? $0.model(type) }
      .compactMap { found in found.value.map { (found.id, $0) } }
  }

  /// A document as a type; see ``arrivingDocument(_:)``.
  public func arrivingModel<Model: Decodable & Sendable>(
    as type: Model.Type, of id: DocumentID
  ) async throws(ReplicaError) -> Model? {
    try await core.arriving(id) { try? $0.model(type) } ?? nil
  }
}

extension ReplicaCore {
  func arriving<Value: Sendable>(
    limit: Int, _ read: @Sendable (Document) throws -> Value
  ) throws(ReplicaError) -> [(id: DocumentID, value: Value)] {
    let store = try opened().store
    return try ReplicaError.translating {
      try store.arrivingDocuments(limit: limit).map { ($0.id, try read($0)) }
    }
  }

  func arriving<Value: Sendable>(
    _ id: DocumentID, _ read: @Sendable (Document) throws -> Value
  ) throws(ReplicaError) -> Value? {
    let store = try opened().store
    return try ReplicaError.translating { try store.arrivingDocument(id).map(read) }
  }
}
