import Causality
import DocumentModel
import Documents
import JSONCoding

/// P7: whatever collides is kept and listed until somebody decides. Of concurrent writes every one
/// can be read, the losers beside the winner, and every register where it happened is listed; so
/// are marks that differ, elements and nodes in several places, what was removed while it was
/// edited, and passages of texts that several people rewrote. Nothing else is.
///
/// Passages in which people decide about one thing at once are held against those of other replicas
/// only: what a decision does to a text is a rewrite of its own.
enum ConflictChecker {
  /// What has to be listed of one document, as the model of the changes says.
  struct Expectation {
    var registers: [Model.Conflict]
    var marks: Set<Model.MarkCollision>
    var positions: Set<Model.PositionCollision>
    var removals: Set<Model.RemovalCollision>
    var texts: Model.TextCollisions?

    init(_ model: Model, of document: DocumentID) {
      registers = model.conflicts(of: document)
      marks = Set(model.markCollisions(of: document))
      positions = model.positionCollisions(of: document)
      removals = model.removalCollisions(of: document)
      texts = model.textCollisions(of: document)
    }
  }

  /// - Parameters:
  ///   - expectation: for the changes that the node shows.
  ///   - listed: the conflicts that the node lists.
  static func check(
    node: Int, expectation: Expectation, document: Document, listed: [Conflict], at time: Int
  ) -> Violation? {
    guard !document.isEmpty, !document.isDeleted else { return nil }
    let fault =
      registers(expectation.registers, document, listed)
      ?? difference("marks", expectation.marks, listed.compactMap(\.marks))
      ?? difference("positions", expectation.positions, listed.compactMap(\.places))
      ?? difference("removals", expectation.removals, listed.compactMap(\.removals))
      ?? expectation.texts.flatMap { texts($0, listed) }
    return fault.map {
      Violation("P7", at: time, "node \(node) \($0) of document \(document.id)")
    }
  }

  private static func registers(
    _ expected: [Model.Conflict], _ document: Document, _ listed: [Conflict]
  ) -> String? {
    let atPaths = Dictionary(grouping: listed.filter { $0.kind == .value }, by: \.path)
    for conflict in expected {
      let found = (try? document.entries(at: conflict.path))?.map(\.event) ?? []
      guard found == conflict.writes else {
        return "keeps \(found.count) of \(conflict.writes.count) concurrent writes at "
          + "'\(conflict.path)'"
      }
      let sides = (atPaths[conflict.path] ?? []).flatMap(\.sides).filter { $0.value != nil }
      guard sides.flatMap(\.events) == conflict.writes else {
        return "lists \(sides.count) of \(conflict.writes.count) concurrent writes at "
          + "'\(conflict.path)'"
      }
    }
    return nil
  }

  private static func difference<Collision: Hashable>(
    _ what: String, _ expected: Set<Collision>, _ found: [Collision]
  ) -> String? {
    let listed = Set(found)
    guard listed.count != found.count || listed != expected else { return nil }
    return "lists \(found.count) conflicts over \(what) where there are \(expected.count): "
      + "\(expected.subtracting(listed)) are not listed, \(listed.subtracting(expected)) are none"
  }

  private static func texts(_ expected: Model.TextCollisions, _ listed: [Conflict]) -> String? {
    for text in expected.texts {
      let found = listed.filter { $0.kind == .text && $0.path == text.path }.map(\.collision)
      guard found != text.open else { continue }
      return "lists the passages \(found) of the text at '\(text.path)' where there are "
        + "\(text.open)"
    }
    return nil
  }
}

extension Conflict {
  fileprivate var marks: Model.MarkCollision? {
    guard kind == .mark, let mark, let range else { return nil }
    return Model.MarkCollision(
      path: path, name: Key(mark), range: range, marks: sides.flatMap(\.events).sorted())
  }

  fileprivate var places: Model.PositionCollision? {
    kind == .position ? Model.PositionCollision(places: sides.flatMap(\.events)) : nil
  }

  /// Nil for what stands at the key of a map.
  fileprivate var removals: Model.RemovalCollision? {
    func changes(_ side: Int) -> [ChangeID] { sides[side].events.map(\.change) }
    if kind == .document { return Model.RemovalCollision(of: nil, removals: changes(0)) }
    guard kind == .removal else { return nil }
    if let element { return Model.RemovalCollision(of: element, removals: changes(1)) }
    guard case .node(let node, _)? = sides[0].content else { return nil }
    return Model.RemovalCollision(of: node, removals: changes(1))
  }

  fileprivate var collision: Model.TextCollision {
    Model.TextCollision(
      range: range ?? 0..<0, base: base?.stringValue ?? "",
      sides: Dictionary(
        sides.map { ($0.change.origin, $0.value?.stringValue ?? "") },
        uniquingKeysWith: { _, last in last }))
  }
}
