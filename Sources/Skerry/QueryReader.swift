internal import ReplicaStore
private import SQLiteBridge

/// Answers queries on a connection and a queue of its own.
actor QueryReader {
  nonisolated let executor: QueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let path: String
  private var reader: ProjectionReader?

  init(path: String) {
    self.path = path
    executor = QueueExecutor(label: "skerry queries \(path)")
  }

  func close() {
    reader?.close()
    reader = nil
  }

  func query(
    _ statement: String, _ parameters: [QueryValue], timeout: Duration,
    _ row: ([String], [QueryValue]) throws -> Bool
  ) throws(ReplicaError) -> QueryResult {
    let deadline = ContinuousClock.now.advanced(by: timeout)
    return try ReplicaError.translating {
      let outcome = try opened().query(
        statement, parameters.map { SQLiteValue($0) },
        shouldStop: { ContinuousClock.now >= deadline },
        { columns, values in try row(columns, values.map { QueryValue($0) }) })
      return QueryResult(
        columns: outcome.columns, rows: [], position: outcome.position.position,
        isExact: outcome.position.isExact)
    }
  }

  func search(
    _ words: String, limit: Int, timeout: Duration
  ) throws(ReplicaError) -> [SearchHit] {
    let deadline = ContinuousClock.now.advanced(by: timeout)
    return try ReplicaError.translating {
      try opened().search(
        words, limit: limit, shouldStop: { ContinuousClock.now >= deadline }
      ).hits.map { hit in
        SearchHit(
          id: hit.id, title: hit.title,
          snippet: hit.snippet.map { SearchHit.Part(text: $0.text, isMatch: $0.isMatch) })
      }
    }
  }

  private func opened() throws -> ProjectionReader {
    if let reader { return reader }
    let opened = try ProjectionReader(.store(at: path, .read))
    reader = opened
    return opened
  }
}

extension SQLiteValue {
  fileprivate init(_ value: QueryValue) {
    switch value {
    case .null: self = .null
    case .integer(let number): self = .integer(number)
    case .double(let number): self = .real(number)
    case .text(let text): self = .text(text)
    case .bytes(let bytes): self = .blob(bytes)
    }
  }
}

extension QueryValue {
  fileprivate init(_ value: SQLiteValue) {
    switch value {
    case .null: self = .null
    case .integer(let number): self = .integer(number)
    case .real(let number): self = .double(number)
    case .text(let text): self = .text(text)
    case .blob(let bytes): self = .bytes(bytes)
    }
  }
}
