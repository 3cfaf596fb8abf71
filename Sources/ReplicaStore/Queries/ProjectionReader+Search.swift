package import Documents
import JSONCoding
import SQLiteBridge

/// A document in which words were found.
package struct SearchHit: Hashable, Sendable {
  package struct Part: Hashable, Sendable {
    package let text: String
    /// Whether it is one of the words that were looked for.
    package let isMatch: Bool

    package init(text: String, isMatch: Bool) {
      self.text = text
      self.isMatch = isMatch
    }
  }

  package let id: DocumentID
  /// The local position of its last change.
  package let position: Int64
  /// What it seems to be called: its field `title`, `name` or `subject`, else its first line.
  package let title: String
  /// Some words around what was found.
  package let snippet: [Part]
}

extension ProjectionReader {
  /// Of more documents than this, those that are newest here come first: to rank them costs as
  /// much as all of them.
  static let rankedMax = 256

  /// The documents that have all the words: the best match first, or, of more than a few hundred,
  /// those made last first.
  ///
  /// Upper and lower case and marks on letters make no difference. A word with `*` behind it stands
  /// for all that begin like it; words in quotation marks stand one after the other; what `-`
  /// stands before is not in the document. Han characters and kana are found wherever they stand.
  ///
  /// Complexity: O(matches) up to a few hundred, and the sizes of the documents that are returned.
  ///
  /// - Throws: `.refused` when there is no word to look for.
  package func search(
    _ words: String, limit: Int, shouldStop: @escaping () -> Bool = { false }
  ) throws(StoreError) -> (hits: [SearchHit], position: ProjectionPosition) {
    guard let pattern = SearchPattern(words).expression else {
      throw .refused("There is no word to look for; give at least one.")
    }
    let guarding = SQLiteGuard(allows: { _ in true }, shouldStop: shouldStop)
    return try view {
      (position) throws(StoreError) -> (hits: [SearchHit], position: ProjectionPosition) in
      do throws(SQLiteError) {
        let hits = try connection.guarded(by: guarding, valueBytesMax: Self.valueBytesMax) {
          () throws(SQLiteError) in try matches(of: pattern, limit: limit)
        }
        return (hits, position)
      } catch {
        guard guarding.hasStopped else { throw StoreError(error) }
        throw .refused("The search was stopped as it took too long.")
      }
    }
  }

  private static let snippetWords = 16
  private static let (matchStart, matchEnd) = ("\u{2}", "\u{3}")

  private func matches(of pattern: String, limit: Int) throws(SQLiteError) -> [SearchHit] {
    guard limit > 0 else { return [] }
    let count = try connection.queryInteger(
      """
      SELECT count(*) FROM
        (SELECT 1 FROM projection_words WHERE projection_words MATCH ? LIMIT ?)
      """, .text(pattern), SQLiteValue(Self.rankedMax + 1))
    let order = count ?? 0 > Self.rankedMax ? "rowid DESC" : "rank, rowid DESC"
    // Ids first: the snippet of a document that is not returned would be made for nothing.
    var rows = try connection.query(
      "SELECT rowid FROM projection_words WHERE projection_words MATCH ? ORDER BY \(order) LIMIT ?",
      .text(pattern), SQLiteValue(limit))
    var found: [Int64] = []
    while try rows.next() { found.append(try rows.integer(0)) }
    var hits: [SearchHit] = []
    for row in found {
      if let hit = try hit(in: row, of: pattern) { hits.append(hit) }
    }
    return hits
  }

  private func hit(in row: Int64, of pattern: String) throws(SQLiteError) -> SearchHit? {
    try connection.first(
      """
      SELECT d.document, p.position, p.json,
        snippet(projection_words, 0, '\(Self.matchStart)', '\(Self.matchEnd)', '…', ?)
      FROM projection_words
      JOIN projection AS p ON p.id = projection_words.rowid
      JOIN document AS d ON d.id = p.id
      WHERE projection_words MATCH ? AND projection_words.rowid = ?
      """, SQLiteValue(Self.snippetWords), .text(pattern), .integer(row)
    ) { (row) throws(SQLiteError) in
      SearchHit(
        id: try ReplicaStore.documentID(0, of: row), position: try row.integer(1),
        title: Self.title(of: try row.text(2)), snippet: Self.parts(of: try row.text(3)))
    }
  }

  private static func parts(of snippet: String) -> [SearchHit.Part] {
    var parts: [SearchHit.Part] = []
    var text = ""
    var isMatch = false
    func end() {
      let plain = ProjectedText.withoutMarks(text)
      if !plain.isEmpty { parts.append(SearchHit.Part(text: plain, isMatch: isMatch)) }
      text = ""
    }
    for character in snippet.unicodeScalars {
      switch String(character) {
      case matchStart:
        end()
        isMatch = true
      case matchEnd:
        end()
        isMatch = false
      // A snippet is one line.
      case "\n", "\r", "\t": text.append(" ")
      default: text.unicodeScalars.append(character)
      }
    }
    end()
    return parts
  }

  private static let titleKeys = ["title", "name", "subject"]
  private static let titleScalarsMax = 80

  private static func title(of json: String) -> String {
    guard let value = try? JSONValue(parsing: json) else { return "" }
    let named = titleKeys.lazy.compactMap { value.objectValue?[$0]?.stringValue }
    let text = named.first { !$0.isEmpty } ?? ProjectedText.withoutMarks(ProjectedText.of(value))
    let line = text.split(whereSeparator: \.isNewline).first ?? ""
    guard line.unicodeScalars.count > titleScalarsMax else { return String(line) }
    return String(String.UnicodeScalarView(line.unicodeScalars.prefix(titleScalarsMax - 1))) + "…"
  }
}

/// What a person types to look for, as an expression of FTS5.
struct SearchPattern {
  /// Nil when there is no word that must be there.
  let expression: String?

  init(_ words: String) {
    var wanted: [String] = []
    var unwanted: [String] = []
    for term in Self.terms(words) {
      guard let quoted = Self.quoted(term.text) else { continue }
      let pattern = term.isPrefix ? quoted + " *" : quoted
      if term.isUnwanted { unwanted.append(pattern) } else { wanted.append(pattern) }
    }
    guard !wanted.isEmpty else {
      expression = nil
      return
    }
    let without = unwanted.map { " NOT " + $0 }.joined()
    expression = "(" + wanted.joined(separator: " AND ") + ")" + without
  }

  private struct Term {
    var text = ""
    var isPrefix = false
    var isUnwanted = false
  }

  private static func terms(_ words: String) -> [Term] {
    var terms: [Term] = []
    var rest = words[...]
    while let start = rest.firstIndex(where: { !$0.isWhitespace }) {
      rest = rest[start...]
      var term = Term()
      if rest.first == "-" {
        term.isUnwanted = true
        rest = rest.dropFirst()
      }
      if rest.first == "\"" {
        let inside = rest.dropFirst()
        let end = inside.firstIndex(of: "\"") ?? inside.endIndex
        term.text = String(inside[..<end])
        rest = inside[end...].dropFirst()
      } else {
        let end = rest.firstIndex { $0.isWhitespace } ?? rest.endIndex
        term.text = String(rest[..<end])
        rest = rest[end...]
        if term.text.last == "*" {
          term.isPrefix = true
          term.text.removeLast()
        }
      }
      if rest.first == "*" {
        term.isPrefix = true
        rest = rest.dropFirst()
      }
      terms.append(term)
    }
    return terms
  }

  /// As a string of FTS5; nil for what holds no letter or digit, of which nothing is indexed.
  private static func quoted(_ text: String) -> String? {
    let isWord = text.unicodeScalars.contains { scalar in
      switch scalar.properties.generalCategory {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
        .decimalNumber, .letterNumber, .otherNumber, .privateUse:
        true
      default: false
      }
    }
    guard isWord else { return nil }
    let inner = ProjectedText.marked(text).split(separator: "\"", omittingEmptySubsequences: false)
    return "\"" + inner.joined(separator: "\"\"") + "\""
  }
}
