import ArgumentParser
import CommandKit
import JSONCoding
import Skerry
import Synchronization

struct QueryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "query",
    abstract: "Ask the documents with SQL.",
    discussion: """
      The statement reads and changes nothing. It may read 'documents', a row for each document \
      that is not deleted: 'id', 'json', 'position' (of its last change in the feed), 'row', and a \
      column for each index ('skerry index'). SQLite's functions for JSON lead into it. The \
      full-text index is 'projection_words', whose 'rowid' is the 'row' of a document.

      All that was committed is waited for first. The first query of a store reads all documents \
      once. With --json each row is an object.

      EXAMPLES
        skerry query notes.skerry "select id, json ->> '$.title' as title
          from documents limit 10"
        skerry query notes.skerry "select count(*)
          from documents, json_each(documents.json, '$.tags') where value = 'urgent'"
        skerry query notes.skerry "select id from documents where row IN
          (select rowid from projection_words where projection_words MATCH 'oak*')"
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "One SELECT.")
  var sql: String
  @Option(help: "Stop it after so long: 90s, 15m.", transform: CommandArgument.duration)
  var timeout: Duration = .seconds(30)
  @Flag(help: "Read what is there, without waiting for what was committed since.")
  var stale = false
  @OptionGroup var freshness: AtLeastOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard freshness.atLeast == nil || !stale else {
      throw ValidationError("--stale reads without waiting, --at-least waits: give one of the two.")
    }
  }

  func run() async throws {
    let replica = try await freshness.open(place)
    if !stale { try await replica.bringForwardShown() }
    let printer = RowPrinter(isJSON: output.isJSON)
    do {
      let result = try await replica.query(sql, freshness: .asItIs, timeout: timeout) {
        columns, values in
        try printer.print(columns, values)
        return true
      }
      try printer.finish(result.columns)
    } catch {
      await replica.close()
      throw error
    }
    await replica.close()
  }
}

extension Replica {
  /// Brings what queries read forward, with a bar where there is much to do.
  func bringForwardShown() async throws {
    let progress = ProgressBar(label: "indexing")
    let most = Most()
    try await bringQueriesForward { remaining in
      let total = most.note(remaining)
      progress.show(
        done: UInt64(clamping: total - remaining), remaining: UInt64(clamping: remaining),
        unit: "documents")
    }
    progress.finish()
  }
}

/// The largest number that was seen.
private final class Most: Sendable {
  private let value = Mutex(0)

  func note(_ number: Int) -> Int {
    value.withLock { value in
      value = max(value, number)
      return value
    }
  }
}

/// Prints rows as they come: as JSON, or as a table whose columns are as wide as the first rows
/// want.
final class RowPrinter: @unchecked Sendable {
  private static let measuredRows = 100
  private static let cellScalarsMax = 60

  private let isJSON: Bool
  private var waiting: [[String]] = []
  private var widths: [Int]?

  init(isJSON: Bool) {
    self.isJSON = isJSON
  }

  func print(_ columns: [String], _ values: [QueryValue]) throws {
    guard !isJSON else {
      return try StandardOutput.write(Self.object(columns, values))
    }
    let cells = values.map { Self.cell($0) }
    if widths != nil { return try write(cells) }
    waiting.append(cells)
    if waiting.count == Self.measuredRows { try begin(columns) }
  }

  func finish(_ columns: [String]) throws {
    if !isJSON, widths == nil { try begin(columns) }
  }

  private func begin(_ columns: [String]) throws {
    let rows = [columns] + waiting
    widths = columns.indices.map { column in
      rows.map { $0[column].unicodeScalars.count }.max() ?? 0
    }
    for row in rows { try write(row) }
    waiting = []
  }

  private func write(_ cells: [String]) throws {
    var line = ""
    for (index, cell) in cells.enumerated() {
      line += cell
      guard index + 1 < cells.count else { break }
      let width = widths?[index] ?? 0
      line += String(repeating: " ", count: max(0, width - cell.unicodeScalars.count) + 2)
    }
    try StandardOutput.write(line: line)
  }

  /// On one line, and not too long for one.
  private static func cell(_ value: QueryValue) -> String {
    let text =
      switch value {
      case .null: ""
      case .text(let text): text
      case .integer, .double, .bytes: value.json.stringValue ?? value.json.text()
      }
    var cell = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      guard cell.count < cellScalarsMax else {
        cell.append("…")
        break
      }
      cell.append(scalar.value < 0x20 ? " " : scalar)
    }
    return String(cell)
  }

  /// Columns of one name are told apart by a number.
  private static func object(_ columns: [String], _ values: [QueryValue]) -> JSONValue {
    var seen: Set<String> = []
    var members: [JSONObject.Member] = []
    for (column, value) in zip(columns, values) {
      var key = column
      var number = 2
      while !seen.insert(key).inserted {
        key = "\(column)_\(number)"
        number += 1
      }
      members.append(JSONObject.Member(key: key, value: value.json))
    }
    return .object(JSONObject(uniqueMembers: members))
  }
}

struct SearchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Find documents by the words in them.",
    discussion: """
      All the words must be in a document; case and accents make no difference. 'oak*' finds what \
      begins like it, '"old oak"' finds words in this order, '-oak' (behind '--') leaves documents \
      out. All texts of a document are searched. Chinese and Japanese are found wherever they \
      stand in a line.

      The best match comes first; of more than a few hundred, those made last. A line is the id, \
      what the document seems to be called, and the words around what was found.

      EXAMPLES
        skerry search notes.skerry oak tree
        skerry search notes.skerry --limit 5 -- '"old oak"' -birch
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "What to look for.")
  var words: [String]
  @Option(parsing: .unconditional, help: "At most this many.")
  var limit: Int = 20
  @OptionGroup var freshness: AtLeastOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard limit >= 0 else { throw ValidationError("--limit must not be negative.") }
  }

  func run() async throws {
    let replica = try await freshness.open(place)
    let hits: [SearchHit]
    do {
      try await replica.bringForwardShown()
      hits = try await replica.search(
        words.joined(separator: " "), limit: limit, freshness: .asItIs)
    } catch {
      await replica.close()
      throw error
    }
    await replica.close()
    for hit in hits {
      if output.isJSON {
        try StandardOutput.write([
          "id": .string(hit.id.description), "title": .string(hit.title),
          "snippet": .string(hit.snippet.map(\.text).joined()),
          "matches": .array(hit.snippet.filter(\.isMatch).map { .string($0.text) }),
        ])
      } else {
        try StandardOutput.write(
          line: "\(hit.id)  \(hit.title)  \(hit.snippet.map(\.text).joined())")
      }
    }
  }
}

struct IndexCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "index",
    abstract: "List, add or remove indexes that queries use.",
    discussion: """
      An index is over one place in all documents. 'documents' in 'skerry query' has a column of \
      its name, and conditions on that are looked up instead of read through. It is kept in this \
      store alone.

      EXAMPLES
        skerry index notes.skerry
        skerry index notes.skerry author meta/author
        skerry query notes.skerry "select id from documents where author = 'Ada'"
        skerry index notes.skerry author --remove
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "The name of an index: letters, digits and underscores.")
  var name: String?
  @Argument(help: "Its place in the documents.", transform: CommandArgument.path)
  var path: [PathStep] = []
  @Flag(help: "Remove it.")
  var remove = false
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard name != nil || !remove else { throw ValidationError("--remove needs a name.") }
    guard name == nil || path.isEmpty == remove else {
      throw ValidationError("Give a name and a place to add an index, or a name and --remove.")
    }
  }

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    do {
      if let name, remove {
        try await replica.removeIndex(name)
      } else if let name {
        try await replica.declareIndex(name, on: path)
      }
      let indexes = try await replica.queryIndexes()
      for index in indexes where name == nil || name == index.name {
        let place = DocumentPath(index.path).description
        if output.isJSON {
          try StandardOutput.write(["name": .string(index.name), "path": .string(place)])
        } else {
          try StandardOutput.write(line: "\(index.name)  \(place)")
        }
      }
    } catch {
      await replica.close()
      throw error
    }
    await replica.close()
  }
}
