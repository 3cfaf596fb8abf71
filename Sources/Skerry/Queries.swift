/// A value in a row that a query returns, or one that is bound to a `?` in it.
public enum QueryValue: Hashable, Sendable {
  case null
  case integer(Int64)
  case double(Double)
  case text(String)
  case bytes([UInt8])

  /// Bytes in lower-case hexadecimal, whole numbers beyond 2^53 as strings when they are written.
  public var json: JSONValue {
    switch self {
    case .null: .null
    case .integer(let number): .integer(number)
    case .double(let number): number.isFinite ? .double(number) : .null
    case .text(let text): .string(text)
    case .bytes(let bytes):
      .string(
        bytes.reduce(into: "") { text, byte in
          text += byte < 16 ? "0" : ""
          text += String(byte, radix: 16)
        })
    }
  }
}

/// Which state a query reads. What queries read is derived from the documents and lags behind them.
public enum QueryFreshness: Hashable, Sendable {
  /// All that was committed before: what is missing is made up for first.
  case newest
  /// What is there, however old; see ``QueryResult/position``. Nothing is waited for.
  case asItIs
}

/// The rows of a query, and what they show.
public struct QueryResult: Hashable, Sendable {
  public let columns: [String]
  public let rows: [[QueryValue]]
  /// The rows show every change up to this position of the feed.
  public let position: Int64
  /// Whether they show exactly that. False only for a query that did not wait while many documents
  /// were being taken in: then some are shown as they were later.
  public let isExact: Bool
}

/// A document in which words were found.
public struct SearchHit: Hashable, Sendable {
  public struct Part: Hashable, Sendable {
    public let text: String
    /// Whether it is one of the words that were looked for.
    public let isMatch: Bool
  }

  public let id: DocumentID
  /// The document's field `title`, `name` or `subject`, else its first line.
  public let title: String
  /// Some words around what was found.
  public let snippet: [Part]
}

/// An index over one place in all documents, kept in this store alone. In queries it is a column of
/// `documents`.
public struct QueryIndex: Hashable, Sendable {
  public let name: String
  public let path: [PathStep]
}

extension Replica {
  /// Runs one statement of SQL that reads. It may read
  /// - `documents`: `id` (hexadecimal), `position` (of its last change in the feed), `json` (as
  ///   ``json(_:path:at:)`` gives it), `row`, and a column for each index that is declared;
  /// - `projection_words`, the full-text index, as FTS5 has it: its `rowid` is the `row` of a
  ///   document, and `projection_words MATCH 'oak*'` chooses rows;
  /// - what SQLite derives from those, such as `json_each(json)`.
  ///
  /// The query has a connection and a thread of its own: it holds up no transaction, waits for
  /// none, and sees one state that a transaction has left. The first query ever of a store reads
  /// all documents once.
  ///
  /// - Parameters:
  ///   - parameters: take the places of `?` in the statement.
  ///   - timeout: how long the statement may run; what ``QueryFreshness/newest`` waits for is not
  ///     counted.
  /// - Throws: `refused` for a statement that cannot be understood, would do anything but read
  ///   documents, or takes too long.
  public func query(
    _ statement: String, _ parameters: [QueryValue] = [], freshness: QueryFreshness = .newest,
    timeout: Duration = .seconds(10)
  ) async throws(ReplicaError) -> QueryResult {
    let collected = Collected()
    let result = try await query(
      statement, parameters, freshness: freshness, timeout: timeout
    ) { _, row in
      collected.rows.append(row)
      return true
    }
    return QueryResult(
      columns: result.columns, rows: collected.rows, position: result.position,
      isExact: result.isExact)
  }

  /// The same, handing out each row as it is found, with the names of the columns, until `row`
  /// returns false. The result has no rows.
  @discardableResult
  public func query(
    _ statement: String, _ parameters: [QueryValue] = [], freshness: QueryFreshness = .newest,
    timeout: Duration = .seconds(10),
    _ row: @escaping @Sendable (_ columns: [String], _ values: [QueryValue]) throws -> Bool
  ) async throws(ReplicaError) -> QueryResult {
    if freshness == .newest { try await bringQueriesForward() }
    return try await queries.query(statement, parameters, timeout: timeout, row)
  }

  /// The documents in which all the words are: the best match first, or, of more than a few
  /// hundred, those made last first.
  ///
  /// Case and marks on letters make no difference. `oak*` finds what begins like it, `"old oak"`
  /// finds words that follow one another, `-oak` leaves out documents with it. Runs of Han
  /// characters and kana are found wherever they stand; in other languages words are found whole.
  ///
  /// - Throws: `refused` when there is no word to look for.
  public func search(
    _ words: String, limit: Int = 20, freshness: QueryFreshness = .newest,
    timeout: Duration = .seconds(10)
  ) async throws(ReplicaError) -> [SearchHit] {
    if freshness == .newest { try await bringQueriesForward() }
    return try await queries.search(words, limit: limit, timeout: timeout)
  }

  /// Takes what was committed into what queries read. Queries that ask for the newest do this; it
  /// costs what the documents that changed since cost, so that an app can do it at a time of its
  /// own choice.
  ///
  /// - Parameter progress: is told, now and then, how many documents are left.
  /// - Returns: the position of the feed that is covered.
  @discardableResult
  public func bringQueriesForward(
    progress: (@Sendable (_ remaining: Int) -> Void)? = nil
  ) async throws(ReplicaError) -> Int64 {
    while true {
      let step = try await core.project()
      if step.remaining == 0 { return step.position }
      progress?(step.remaining)
      // Transactions that wait take their turn.
      await Task.yield()
    }
  }

  /// The rows of a query, now and whenever they have become others: the statement runs again when
  /// documents have changed. A reader that is slow is given the newest rows alone.
  ///
  /// It ends when the replica is closed, and throws what ``query(_:_:freshness:timeout:)`` throws.
  public func liveQuery(
    _ statement: String, _ parameters: [QueryValue] = []
  ) -> AsyncThrowingStream<QueryResult, any Error> {
    AsyncThrowingStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
      let notices = changes()
      let task = Task {
        do {
          var shown = try await query(statement, parameters)
          continuation.yield(shown)
          var seen = shown.position
          for await _ in notices {
            // Notices that came while a query ran are of changes that it has shown.
            let position = try await bringQueriesForward()
            guard position != seen else { continue }
            seen = position
            let result = try await query(statement, parameters, freshness: .asItIs)
            guard result.rows != shown.rows || result.columns != shown.columns else { continue }
            shown = result
            continuation.yield(result)
          }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  // MARK: Indexes

  /// By name.
  public func queryIndexes() async throws(ReplicaError) -> [QueryIndex] {
    try await core.queryIndexes()
  }

  /// Declares an index over the place at `path` in all documents, such as `["author", "name"]`:
  /// from now on `documents` has a column of that name, and conditions on it are looked up. This
  /// store alone keeps it.
  ///
  /// - Throws: `refused` for a name that is taken or is no word.
  public func declareIndex(_ name: String, on path: [PathStep]) async throws(ReplicaError) {
    try await core.declareIndex(name, on: path)
  }

  public func removeIndex(_ name: String) async throws(ReplicaError) {
    try await core.removeIndex(name)
  }
}

/// Rows that a query hands out one after the other on its own thread; read when it has ended.
private final class Collected: @unchecked Sendable {
  var rows: [[QueryValue]] = []
}
