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
  case text([Character])
  case counter(Int64)
  case tree([Node])

  struct Character: Hashable {
    var scalar: Unicode.Scalar
    var marks: [Key: Value] = [:]
  }

  struct Node: Hashable {
    var id: String
    var value = ShownDocument.map([:])
    var children: [Node] = []
  }

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
    case .text:
      var text = document.texts[slot].string.unicodeScalars.map { Character(scalar: $0) }
      document.marks[slot]?.forEachShown { range, mark in
        for index in range { text[index].marks[mark.name] = mark.value }
      }
      self = .text(text)
    case .counter: self = .counter(Int64(clamping: document.counters[slot]))
    case .tree:
      func nodes(under node: TreeState.NodeNumber) -> [Node] {
        document.children(of: Document.Branch(tree: handle, node: node)).map { child in
          Node(
            id: document.trees[slot].nodes[child].event.description,
            value: ShownDocument(
              document, document.content(of: child, in: handle), depth: depth + 1),
            children: nodes(under: child))
        }
      }
      self = .tree(nodes(under: TreeState.top))
    }
  }

  init(_ content: DocumentPatch.Content) {
    switch content {
    case .value(let value): self = .value(value)
    case .container(.map): self = .map([:])
    case .container(.list): self = .list([])
    case .container(.text): self = .text([])
    case .container(.counter): self = .counter(0)
    case .container(.tree): self = .tree([])
    }
  }

  struct Misfit: Error {
    var patch: DocumentPatch
  }

  mutating func apply(_ patch: DocumentPatch) throws { try apply(patch, patch.path.steps[...]) }

  private mutating func apply(_ patch: DocumentPatch, _ steps: ArraySlice<PathStep>) throws {
    if steps.isEmpty { return try applyHere(patch) }
    if case .tree = self { return try applyInTree(patch, steps) }
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
      scalars.replaceSubrange(
        change.position..<end, with: change.inserted.unicodeScalars.map { Character(scalar: $0) })
      self = .text(scalars)
    case (.text(var text), .marked(let range, let mark, _)):
      guard range.upperBound <= text.count, mark.value != .null else { throw Misfit(patch: patch) }
      for index in range { text[index].marks[Key(mark.name)] = mark.value }
      self = .text(text)
    case (.text(var text), .unmarked(let range, let name)):
      guard range.upperBound <= text.count,
        range.allSatisfy({ text[$0].marks.removeValue(forKey: Key(name)) != nil })
      else { throw Misfit(patch: patch) }
      self = .text(text)
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
    case (.tree, _): try applyInTree(patch, [])
    default: throw Misfit(patch: patch)
    }
  }

  private mutating func applyInTree(
    _ patch: DocumentPatch, _ steps: ArraySlice<PathStep>
  ) throws {
    guard case .tree(var nodes) = self else { throw Misfit(patch: patch) }
    if case .nodeMoved(let from, let to, let at) = patch.action {
      let above = patch.path.steps.count - steps.count
      let indices = try Self.indices(steps, patch)
      let target = try Self.indices(to.steps.dropFirst(above), patch)
      // The destination is named as it is before the move.
      let taken = try Self.edit(&nodes, indices[...], patch) { children -> Node in
        guard from < children.count else { throw Misfit(patch: patch) }
        return children[from]
      }
      try Self.edit(&nodes, target[...], patch) { children in
        let isSame = indices == target
        children.insert(taken, at: isSame && at > from ? at + 1 : at)
        if isSame { children.remove(at: at <= from ? from + 1 : from) }
      }
      if indices != target {
        var old = indices
        // Where the insertion has pushed the old parent further.
        if target.count < old.count, Array(old.prefix(target.count)) == target,
          old[target.count] >= at
        {
          old[target.count] += 1
        }
        try Self.edit(&nodes, old[...], patch) { children in _ = children.remove(at: from) }
      }
      self = .tree(nodes)
      return
    }
    let place = steps.firstIndex { if case .key = $0 { true } else { false } } ?? steps.endIndex
    let indices = try Self.indices(steps[..<place], patch)
    if place < steps.endIndex {
      guard steps[place] == .key(Document.valueMember), let last = indices.last else {
        throw Misfit(patch: patch)
      }
      try Self.edit(&nodes, indices.dropLast(), patch) { children in
        guard last < children.count else { throw Misfit(patch: patch) }
        try children[last].value.apply(patch, steps[(place + 1)...])
      }
    } else {
      try Self.edit(&nodes, indices[...], patch) { children in
        switch patch.action {
        case .nodeMade(let at, let id) where at <= children.count:
          children.insert(Node(id: id), at: at)
        case .nodeRemoved(let at) where at < children.count: children.remove(at: at)
        default: throw Misfit(patch: patch)
        }
      }
    }
    self = .tree(nodes)
  }

  private static func indices(
    _ steps: ArraySlice<PathStep>, _ patch: DocumentPatch
  ) throws -> [Int] {
    try steps.map { step in
      guard case .index(let index) = step else { throw Misfit(patch: patch) }
      return index
    }
  }

  private static func edit<Result>(
    _ nodes: inout [Node], _ path: ArraySlice<Int>, _ patch: DocumentPatch,
    _ body: (inout [Node]) throws -> Result
  ) throws -> Result {
    guard let first = path.first else { return try body(&nodes) }
    guard first < nodes.count else { throw Misfit(patch: patch) }
    return try edit(&nodes[first].children, path.dropFirst(), patch, body)
  }
}

/// A few people who edit one document at random and meet now and then, and every moment on the way.
struct Moments {
  struct Moment {
    var version: VersionVector
    var shown: ShownDocument
    var json: String
    var isDeleted: Bool
    var reading: RichReading
  }

  var replicas: [DocumentReplica]
  private(set) var moments: [Moment] = []

  init(people: Int, steps: Int, seed: UInt64, isRich: Bool = false) throws {
    var random = SeededGenerator(seed: seed)
    replicas = (0..<people).map { DocumentReplica($0) }
    for _ in 0..<steps {
      let who = Int.random(in: 0..<people, using: &random)
      if Int.random(in: 0..<6, using: &random) == 0 {
        let other = Int.random(in: 0..<people, using: &random)
        try replicas[who].receive(replicas[who].missing(from: replicas[other]))
      } else if isRich {
        try replicas[who].edit { try RandomRichEditing.edit($0, &random) }
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
        isDeleted: replica.document.isDeleted, reading: RichReading(replica.document)))
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
