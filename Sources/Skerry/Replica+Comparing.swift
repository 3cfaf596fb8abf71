/// The first thing in which two stores differ.
public enum StoreDifference: Hashable, Sendable, CustomStringConvertible {
  /// They are of different workspaces.
  case workspace(String, String)
  /// One has applied more changes of an origin than the other: by the order of the origins.
  case changes(Origin, UInt64, UInt64)
  /// Only one of them shows the document.
  case document(DocumentID, isInFirst: Bool)
  /// The document shows something else at a place, or nothing in one of them.
  case place(DocumentID, [PathStep], JSONValue?, JSONValue?)
  /// They show the same values, and differ in what lies behind them: concurrent values, marks,
  /// deleted documents.
  case state(String, String)

  public var description: String {
    switch self {
    case .workspace(let first, let second):
      "They are of different workspaces: \(first) and \(second)."
    case .changes(let origin, let first, let second):
      "Of origin \(origin) the first has \(first) changes, the second \(second); sync them."
    case .document(let id, let isInFirst):
      "Only the \(isInFirst ? "first" : "second") shows document \(id)."
    case .place(let id, let path, let first, let second):
      "Document \(id) differs at '\(DocumentPath(path))': the first has \(Self.text(first)), the "
        + "second \(Self.text(second))."
    case .state(let first, let second):
      "They show the same, and the states behind it differ: \(first) and \(second)."
    }
  }

  private static let shownScalarsMax = 200

  private static func text(_ value: JSONValue?) -> String {
    guard let text = value?.text() else { return "nothing" }
    let scalars = text.unicodeScalars
    guard scalars.count > shownScalarsMax else { return text }
    return String(String.UnicodeScalarView(scalars.prefix(shownScalarsMax))) + "…"
  }
}

extension Replica {
  /// The first difference between this store and another; nil when both hold the same state. What
  /// the documents show is compared even where one store has changes that the other lacks.
  ///
  /// Complexity: O(documents of both).
  ///
  /// - Returns: the first difference of the versions, and that of the documents.
  public func differences(from other: Replica) async throws(ReplicaError) -> [StoreDifference] {
    let (own, its) = (try await identity(), try await other.identity())
    guard own.workspace == its.workspace else { return [.workspace(own.workspace, its.workspace)] }
    var found: [StoreDifference] = []
    let (first, second) = (try await version(), try await other.version())
    if let difference = Self.difference(first, second) { found.append(difference) }
    if let difference = try await documentDifference(from: other) {
      found.append(difference)
    } else if found.isEmpty {
      let (first, second) = (try await info().stateDigest, try await other.info().stateDigest)
      if first != second { found.append(.state(first, second)) }
    }
    return found
  }

  private static func difference(
    _ first: VersionVector, _ second: VersionVector
  ) -> StoreDifference? {
    let origins = Set(first.entries.map(\.origin) + second.entries.map(\.origin)).sorted()
    return origins.first { first[$0] != second[$0] }
      .map { .changes($0, first[$0], second[$0]) }
  }

  private static let pageCount = 500

  private func documentDifference(
    from other: Replica
  ) async throws(ReplicaError) -> StoreDifference? {
    var last: DocumentID?
    while true {
      let ours = try await documents(after: last, limit: Self.pageCount).map(\.id)
      let theirs = try await other.documents(after: last, limit: Self.pageCount).map(\.id)
      if ours.isEmpty, theirs.isEmpty { return nil }
      for index in 0..<max(ours.count, theirs.count) {
        let (our, their) = (ours.dropFirst(index).first, theirs.dropFirst(index).first)
        guard let our else { return their.map { .document($0, isInFirst: false) } }
        guard let their else { return .document(our, isInFirst: true) }
        if our != their { return .document(min(our, their), isInFirst: our < their) }
        let (first, second) = (try await json(our), try await other.json(our))
        if let place = Self.place(first, second, at: []) {
          return .place(our, place.path, place.first, place.second)
        }
        last = our
      }
    }
  }

  private typealias Place = (path: [PathStep], first: JSONValue?, second: JSONValue?)

  private static func place(
    _ first: JSONValue?, _ second: JSONValue?, at path: [PathStep]
  ) -> Place? {
    if first == second { return nil }
    switch (first, second) {
    case (.object(let left)?, .object(let right)?):
      let keys = Set(left.members.map(\.key) + right.members.map(\.key)).sorted()
      for key in keys {
        if let found = place(left[key], right[key], at: path + [.key(key)]) { return found }
      }
      return nil
    case (.array(let left)?, .array(let right)?):
      for index in 0..<max(left.count, right.count) {
        let pair = (left.dropFirst(index).first, right.dropFirst(index).first)
        if let found = place(pair.0, pair.1, at: path + [.index(index)]) { return found }
      }
      return nil
    default: return (path, first, second)
    }
  }

  /// Makes again what is damaged and can be: documents, from their histories or from the changes in
  /// the segments, and what queries read, from the documents. Damaged segments come back from a
  /// peer by themselves; see ``check()``.
  ///
  /// - Returns: what was done, in sentences.
  public func repair() async throws(ReplicaError) -> [String] {
    // Damaged ones may be gone after it.
    let hadDerived = try await core.hasProjectionTables()
    var done = try await core.repair()
    guard try await core.dropProjection() || hadDerived else {
      return done + ["There was nothing derived to make anew: nobody has queried this store yet."]
    }
    try await bringQueriesForward()
    let documents = try await reading { reading throws(ReplicaError) in
      try reading.documentCount()
    }
    done.append(
      "What queries and searches read was dropped and made anew from \(documents) documents.")
    return done
  }
}
