import ByteCoding
import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

let documentID = DocumentID(high: 0xD0, low: 0x01)

func testOrigin(_ number: Int) -> Origin { Origin(high: 0, low: UInt64(number + 1)) }

/// A replica of one document without a store: it writes changes, takes those of others, and knows
/// in which order it applied them.
struct DocumentReplica {
  let origin: Origin
  var document = Document(id: documentID)
  var log: [IncomingEdit] = []
  var vector = VersionVector()
  var lamport: UInt64 = 0

  init(_ number: Int) {
    origin = testOrigin(number)
  }

  /// One transaction; nil when it did nothing.
  @discardableResult
  mutating func edit(_ body: (Editor) throws -> Void) throws -> IncomingEdit? {
    let change = ChangeID(origin: origin, sequence: vector[origin] + 1)
    let editor = document.beginEdit(change, lamport: lamport + 1)
    try body(editor)
    guard let edit = try editor.finish() else { return nil }
    let incoming = IncomingEdit(
      change: change, lamport: lamport + 1, time: Timestamp(clampingMilliseconds: 0), edit: edit)
    note(incoming)
    return incoming
  }

  private mutating func note(_ edit: IncomingEdit) {
    log.append(edit)
    vector.advance(to: edit.change)
    lamport = max(lamport, edit.lamport)
  }

  /// What the other has and this one lacks, in the order of the other.
  func missing(from other: DocumentReplica) -> [IncomingEdit] {
    other.log.filter { !vector.contains($0.change) }
  }

  @discardableResult
  mutating func receive(_ edits: [IncomingEdit]) throws -> MergeOutcome {
    let before = log
    let outcome = try document.merge(edits) {
      var history = DocumentHistory(document: documentID)
      try history.append(contentsOf: before)
      return history
    }
    for edit in edits where !vector.contains(edit.change) { note(edit) }
    return outcome
  }

  /// Closes the document and opens it from its state.
  mutating func reopen() throws {
    document = try Document(id: documentID, state: document.encodeState())
  }

  var canonical: String { document.canonicalJSON().text() }
  var canonicalBytes: [UInt8] {
    var writer = ByteWriter()
    document.appendCanonicalBytes(to: &writer)
    return writer.bytes
  }
  var json: String { (try? document.json().text()) ?? "" }

  func history() throws -> DocumentHistory {
    var history = DocumentHistory(document: documentID)
    try history.append(contentsOf: log)
    return history
  }

  func conflicts() throws -> [Conflict] { try document.conflicts(in: history()) }

  mutating func resolve(_ conflict: Conflict, taking choice: ConflictChoice) throws {
    let history = try history()
    try edit { try $0.resolve(conflict, taking: choice, in: history) }
  }
}

/// Two replicas that both have seen what one has done, and nothing else.
func apart(
  _ start: (Editor) throws -> Void
) throws -> (DocumentReplica, DocumentReplica) {
  var left = DocumentReplica(0)
  var right = DocumentReplica(1)
  try left.edit(start)
  try right.receive(left.log)
  return (left, right)
}

/// Both get what the other has; then they hold the same.
func meet(_ left: inout DocumentReplica, _ right: inout DocumentReplica) throws {
  let (toLeft, toRight) = (left.missing(from: right), right.missing(from: left))
  try left.receive(toLeft)
  try right.receive(toRight)
  #expect(left.canonical == right.canonical)
  #expect(left.document.encodeState() == right.document.encodeState())
  #expect(try left.conflicts() == right.conflicts())
}

/// Each gets what all others have.
func meet(_ replicas: inout [DocumentReplica]) throws {
  for target in replicas.indices {
    for source in replicas.indices where source != target {
      try replicas[target].receive(replicas[target].missing(from: replicas[source]))
    }
  }
}

/// Edits in another causal order, picked at random among those whose predecessors are out or `seen`
/// from the beginning.
func shuffledCausally(
  _ edits: [IncomingEdit], seen: Set<ChangeID> = [], _ random: inout SeededGenerator
) -> [IncomingEdit] {
  var waiting = edits
  var seen = seen
  var result: [IncomingEdit] = []
  while !waiting.isEmpty {
    let ready = waiting.indices.filter { index in
      let edit = waiting[index]
      let isNext = !waiting.contains {
        $0.change.origin == edit.change.origin && $0.change.sequence < edit.change.sequence
      }
      return isNext && edit.edit.parents.allSatisfy(seen.contains)
    }
    guard let picked = ready.randomElement(using: &random) else { break }
    let edit = waiting.remove(at: picked)
    seen.insert(edit.change)
    result.append(edit)
  }
  return result
}

/// The edits in batches of random size.
func split(
  _ edits: [IncomingEdit], _ random: inout SeededGenerator
) -> [[IncomingEdit]] {
  var batches: [[IncomingEdit]] = []
  var rest = edits[...]
  while !rest.isEmpty {
    let size = Int.random(in: 1...min(rest.count, 12), using: &random)
    batches.append(Array(rest.prefix(size)))
    rest = rest.dropFirst(size)
  }
  return batches
}
