import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// What somebody sees of a document who knows nothing of it but patches.
indirect enum ShownDocument: Hashable {
  case value(Value)
  case map([Key: ShownDocument])
  case list([ShownDocument])
  case text([Unicode.Scalar])
  case counter(Int64)

  /// A document read in full.
  init(_ document: Document, _ handle: ContainerHandle = .root, depth: Int = 0) {
    func shown(_ register: Register) -> ShownDocument {
      switch register.winner?.content {
      case .value(let value): .value(value)
      case .container(let handle):
        depth < ContainerID.depthMax
          ? ShownDocument(document, handle, depth: depth + 1) : .value(.null)
      case nil: .value(.null)
      }
    }
    let slot = document.slot(of: handle)
    switch document.kind(of: handle) {
    case .map: self = .map(document.maps[slot].mapValues(shown))
    case .list: self = .list(document.lists[slot].elements.map { shown($0.register) })
    case .text: self = .text(Array(document.texts[slot].string.unicodeScalars))
    case .counter: self = .counter(Int64(clamping: document.counters[slot]))
    case .tree: self = .value(.null)
    }
  }

  init(_ content: DocumentPatch.Content) {
    switch content {
    case .value(let value): self = .value(value)
    case .container(.map): self = .map([:])
    case .container(.list): self = .list([])
    case .container(.text): self = .text([])
    case .container(.counter): self = .counter(0)
    case .container(.tree): self = .value(.null)
    }
  }

  struct Misfit: Error {
    var patch: DocumentPatch
  }

  mutating func apply(_ patch: DocumentPatch) throws { try apply(patch, patch.path.steps[...]) }

  private mutating func apply(_ patch: DocumentPatch, _ steps: ArraySlice<PathStep>) throws {
    if steps.isEmpty { return try applyHere(patch) }
    let isLast = steps.count == 1
    switch (self, steps[steps.startIndex]) {
    case (.map(var members), .key(let text)):
      let key = Key(text)
      switch patch.action {
      case .set(let content) where isLast: members[key] = ShownDocument(content)
      case .removed where isLast:
        guard members.removeValue(forKey: key) != nil else { throw Misfit(patch: patch) }
      default:
        guard members[key] != nil else { throw Misfit(patch: patch) }
        try members[key]?.apply(patch, steps.dropFirst())
      }
      self = .map(members)
    case (.list(var elements), .index(let index)):
      guard elements.indices.contains(index) else { throw Misfit(patch: patch) }
      if isLast, case .set(let content) = patch.action {
        elements[index] = ShownDocument(content)
      } else {
        try elements[index].apply(patch, steps.dropFirst())
      }
      self = .list(elements)
    default: throw Misfit(patch: patch)
    }
  }

  private mutating func applyHere(_ patch: DocumentPatch) throws {
    switch (self, patch.action) {
    case (.text(var scalars), .text(let change)):
      let end = change.position + change.removed
      guard end <= scalars.count, change.removed > 0 || !change.inserted.isEmpty else {
        throw Misfit(patch: patch)
      }
      scalars.replaceSubrange(change.position..<end, with: Array(change.inserted.unicodeScalars))
      self = .text(scalars)
    case (.list(var elements), .elements(let at, let removed, let inserted)):
      guard at + removed <= elements.count, removed + inserted.count > 0 else {
        throw Misfit(patch: patch)
      }
      elements.replaceSubrange(at..<at + removed, with: inserted.map { ShownDocument($0) })
      self = .list(elements)
    case (.list(var elements), .moved(let from, let to)):
      guard from != to, from < elements.count, to < elements.count else {
        throw Misfit(patch: patch)
      }
      elements.insert(elements.remove(at: from), at: to)
      self = .list(elements)
    case (.counter(let count), .counted(let from, let to)):
      guard count == from, from != to else { throw Misfit(patch: patch) }
      self = .counter(to)
    case (.map, .document): break
    default: throw Misfit(patch: patch)
    }
  }
}

/// A few people who edit one document at random and meet now and then, and every moment on the way.
struct Moments {
  struct Moment {
    var version: VersionVector
    var shown: ShownDocument
    var json: String
    var isDeleted: Bool
  }

  var replicas: [DocumentReplica]
  private(set) var moments: [Moment] = []

  init(people: Int, steps: Int, seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    replicas = (0..<people).map { DocumentReplica($0) }
    for _ in 0..<steps {
      let who = Int.random(in: 0..<people, using: &random)
      if Int.random(in: 0..<6, using: &random) == 0 {
        let other = Int.random(in: 0..<people, using: &random)
        try replicas[who].receive(replicas[who].missing(from: replicas[other]))
      } else {
        try replicas[who].editAtRandom(&random)
      }
      note(replicas[who])
    }
    for other in 1..<people {
      try replicas[0].receive(replicas[0].missing(from: replicas[other]))
    }
    note(replicas[0])
  }

  private mutating func note(_ replica: DocumentReplica) {
    moments.append(
      Moment(
        version: replica.vector, shown: ShownDocument(replica.document), json: replica.json,
        isDeleted: replica.document.isDeleted))
  }
}

extension DocumentReplica {
  /// One transaction of one to three operations that may do nothing.
  @discardableResult
  mutating func editAtRandom(_ random: inout SeededGenerator) throws -> IncomingEdit? {
    try edit { editor in
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        do { try RandomEditing.edit(editor, &random) } catch is EditError {}
      }
    }
  }
}
