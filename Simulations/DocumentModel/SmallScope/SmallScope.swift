import Causality
package import Documents
import JSONCoding

/// A few operations of a few replicas in every order in which they can be done and delivered: none
/// is left out, so that a bug that needs no more than these is found for certain.
///
/// A replica is a function of what happened to it, so two orders that differ only in what happened
/// elsewhere are one order to it. What is enumerated is therefore every history that any one
/// replica can have: its own steps, and the changes of others in any causal order, each change as
/// its author makes it on any version that he can have. (``OrderCount`` tells how many orders of
/// the whole these are.) At each point of each history
///
/// - the document is what the ``Model`` makes of the changes seen, and the same bytes as in every
///   other history with these changes,
/// - a replica that was closed and opened from its state before the last change holds the same,
/// - and so does one that took the last 2, 3, … changes at once, as it does when the first of them
///   was missing and the others had to wait for it.
package struct SmallScope {
  /// One transaction.
  package struct Step: Sendable {
    package var name: String
    package var perform: @Sendable (Editor) throws -> Void

    package init(_ name: String, _ perform: @escaping @Sendable (Editor) throws -> Void) {
      self.name = name
      self.perform = perform
    }
  }

  package struct Script: Sendable {
    package var name: String
    /// What all replicas have from the beginning.
    package var setUp: [Step]
    /// The steps of each replica, each done once, in order. The origins ascend.
    package var steps: [[Step]]

    package init(_ name: String, setUp: [Step] = [], _ steps: [[Step]]) {
      self.name = name
      self.setUp = setUp
      self.steps = steps
    }

    /// The same with no more than so many steps of each replica.
    package func limited(to counts: [Int]) -> Script {
      Script(name, setUp: setUp, zip(steps, counts).map { Array($0.prefix($1)) })
    }
  }

  package struct Report: Sendable {
    /// Histories of one replica, each of them checked at its end; the beginnings of others count.
    package var histories = 0
    /// Different sets of changes met.
    package var versions = 0
    /// Merges done: one by one, after opening again, and at once.
    package var merges = 0
    /// The first one; the search ends there.
    package var failure: Failure?

    package init() {}
  }

  package struct Failure: Error, Sendable, CustomStringConvertible {
    package var script: String
    package var replica: Int
    /// What happened to the replica: `A1`, `B2{A1 B1}` for the second step of the second replica
    /// done on what is in braces.
    package var history: String
    package var what: String

    package var description: String {
      "'\(script)', replica \(SmallScope.letter(replica)) after \(history): \(what)"
    }
  }

  /// A change as its author makes it on one version.
  private struct Made {
    var change: Change
    var author: Int
    /// Numbers of changes, sorted; without those of the set-up.
    var past: [Int]
  }

  private struct AuthorAndPast: Hashable {
    var author: Int
    var past: [Int]
  }

  private struct Replica {
    var document: Document
    /// What happened, by number of the change.
    var history: [Int]
    var state: [UInt8]
  }

  private static let document = DocumentID(high: 0x5C0, low: 0x9E)

  private let script: Script
  private let tamper: (IncomingEdit) -> IncomingEdit
  private var setUp: [Change] = []
  private var made: [Made] = []
  private var numbers: [AuthorAndPast: Int] = [:]
  /// The state that belongs to a set of changes.
  private var states: [[Int]: [UInt8]] = [:]
  private var report = Report()

  private init(_ script: Script, _ tamper: @escaping (IncomingEdit) -> IncomingEdit) {
    self.script = script
    self.tamper = tamper
  }

  /// Enumerates a script.
  ///
  /// - Parameter tamper: what becomes of an edit on its way into an engine (and not into the
  ///   model),
  ///   to see that the search finds what it is for.
  package static func explore(
    _ script: Script, tamper: @escaping (IncomingEdit) -> IncomingEdit = { $0 }
  ) -> Report {
    var scope = SmallScope(script, tamper)
    do {
      let start = try scope.begin()
      for replica in script.steps.indices { try scope.explore(replica, [start]) }
    } catch let failure as Failure {
      scope.report.failure = failure
    } catch {
      scope.report.failure = scope.failure(0, [], "\(error)")
    }
    scope.report.versions = scope.states.count
    return scope.report
  }

  // MARK: Enumerating

  private mutating func begin() throws -> Replica {
    let document = Document(id: Self.document)
    for step in script.setUp {
      let id = ChangeID(origin: Self.origin(nil), sequence: UInt64(setUp.count + 1))
      setUp.append(try Self.perform(step, on: document, as: id, lamport: UInt64(setUp.count + 1)))
    }
    let start = Replica(document: document, history: [], state: document.encodeState())
    if !setUp.isEmpty { try check(start, of: 0) }
    return start
  }

  /// Goes on from the last of `path`, which is one replica as it was after each thing that
  /// happened.
  private mutating func explore(_ replica: Int, _ path: [Replica]) throws {
    let here = path[path.count - 1]
    report.histories += 1
    if count(of: replica, in: here.history) < script.steps[replica].count {
      try explore(replica, path + [try step(replica, from: here)])
    }
    for author in script.steps.indices where author != replica {
      let done = count(of: author, in: here.history)
      guard done < script.steps[author].count else { continue }
      for past in versions(within: here.history) where count(of: author, in: past) == done {
        let change = try number(of: author, on: past)
        try explore(replica, path + [try receive(change, replica, path)])
      }
    }
  }

  /// The replica takes its next step.
  private mutating func step(_ replica: Int, from here: Replica) throws -> Replica {
    let document = here.document.copy()
    let number = try perform(replica, on: document, here.history.sorted())
    let next = Replica(
      document: document, history: here.history + [number], state: document.encodeState())
    try check(next, of: replica)
    return next
  }

  /// The replica, which has gone the path, takes the change of another one.
  private mutating func receive(
    _ number: Int, _ replica: Int, _ path: [Replica]
  ) throws -> Replica {
    let here = path[path.count - 1]
    let document = here.document.copy()
    let history = here.history + [number]
    try merge([number], into: document, after: here.history, replica)
    let next = Replica(document: document, history: history, state: document.encodeState())
    try check(next, of: replica)

    let reopened = try Document(id: Self.document, state: here.state)
    try merge([number], into: reopened, after: here.history, replica)
    guard reopened.encodeState() == next.state else {
      throw failure(replica, history, "another state when it was opened again before the last")
    }
    for earlier in path.dropLast().reversed() {
      let atOnce = Array(history[earlier.history.count...])
      guard !atOnce.contains(where: { made[$0].author == replica }) else { break }
      let document = earlier.document.copy()
      try merge(atOnce, into: document, after: earlier.history, replica)
      guard document.encodeState() == next.state else {
        throw failure(replica, history, "another state when the last \(atOnce.count) came at once")
      }
    }
    return next
  }

  private mutating func merge(
    _ changes: [Int], into document: Document, after history: [Int], _ replica: Int
  ) throws {
    report.merges += 1
    let outcome = try document.merge(edits(changes).map(tamper)) {
      var loaded = DocumentHistory(document: Self.document)
      try loaded.append(contentsOf: setUp.compactMap { IncomingEdit($0, document: Self.document) })
      try loaded.append(contentsOf: edits(history).map(tamper))
      return loaded
    }
    guard outcome.applied == changes.count else {
      throw failure(replica, history + changes, "\(outcome) for \(changes.count) new changes")
    }
  }

  private mutating func check(_ here: Replica, of replica: Int) throws {
    let version = here.history.sorted()
    if let state = states[version] {
      guard here.state == state else {
        throw failure(replica, here.history, "other bytes than after the same changes before")
      }
      return
    }
    states[version] = here.state
    let model = Model(setUp + version.map { made[$0].change })
    if let difference = model.difference(from: here.document) {
      throw failure(replica, here.history, "\(difference)")
    }
  }

  // MARK: Changes

  /// The next change of `author` when it has seen exactly `past`.
  private mutating func number(of author: Int, on past: [Int]) throws -> Int {
    if let number = numbers[AuthorAndPast(author: author, past: past)] { return number }
    let document = Document(id: Self.document)
    let before = past.sorted { made[$0].past.count < made[$1].past.count }
    let edits = setUp.compactMap { IncomingEdit($0, document: Self.document) } + edits(before)
    _ = try document.merge(edits) { DocumentHistory(document: Self.document) }
    return try perform(author, on: document, past)
  }

  private mutating func perform(
    _ author: Int, on document: Document, _ past: [Int]
  ) throws -> Int {
    let place = count(of: author, in: past)
    let lamport = (setUp + past.map { made[$0].change }).map(\.lamport).max() ?? 0
    let change = try Self.perform(
      script.steps[author][place], on: document,
      as: ChangeID(origin: Self.origin(author), sequence: UInt64(place + 1)), lamport: lamport + 1)
    let key = AuthorAndPast(author: author, past: past)
    if let number = numbers[key] {
      guard made[number].change == change else {
        throw failure(author, past, "the next step is not always the same change")
      }
      return number
    }
    numbers[key] = made.count
    made.append(Made(change: change, author: author, past: past))
    return made.count - 1
  }

  /// A step that cannot be done where the replica stands writes down that it could not, so that
  /// each step is a change.
  private static func perform(
    _ step: Step, on document: Document, as id: ChangeID, lamport: UInt64
  ) throws -> Change {
    let editor = document.beginEdit(id, lamport: lamport)
    do { try step.perform(editor) } catch is EditError {}
    if editor.isEmpty { try editor.set(["not done"], to: .string(step.name)) }
    guard let edit = try editor.finish() else {
      throw MergeError.damagedHistory("'\(step.name)' made no change")
    }
    return Change(
      id: id, lamport: lamport, time: Timestamp(clampingMilliseconds: 0), edits: [edit])
  }

  private func edits(_ changes: [Int]) -> [IncomingEdit] {
    changes.compactMap { IncomingEdit(made[$0].change, document: Self.document) }
  }

  private func count(of author: Int, in changes: [Int]) -> Int {
    changes.count { made[$0].author == author }
  }

  /// Every set of changes that an author can have seen within one, sorted.
  private func versions(within history: [Int]) -> [[Int]] {
    var versions: [[Int]] = [[]]
    for number in history {
      let past = made[number].past
      versions += versions.filter { version in past.allSatisfy(version.contains) }
        .map { $0 + [number] }
    }
    return versions.map { $0.sorted() }
  }

  // MARK: Names

  /// The origin of a replica; nil: of who set up.
  private static func origin(_ replica: Int?) -> Origin {
    Origin(high: 0, low: UInt64((replica ?? -1) + 2))
  }

  private static func letter(_ replica: Int) -> String {
    String(UnicodeScalar(UInt8(clamping: 65 + replica)))
  }

  private func failure(_ replica: Int, _ history: [Int], _ what: String) -> Failure {
    func name(_ number: Int) -> String {
      Self.letter(made[number].author) + "\(made[number].change.id.sequence)"
    }
    let names = history.map { number in
      let past = made[number].past.map(name).joined(separator: " ")
      return made[number].author == replica ? name(number) : "\(name(number)){\(past)}"
    }
    return Failure(
      script: script.name, replica: replica, history: names.joined(separator: " "), what: what)
  }
}
