/// Which texts and strings of a document are those that somebody else has of it under other names:
/// they read the same, and stand at the same keys, of whichever elements of a list or nodes of a
/// tree. Where there are as many on both sides, they follow each other in the same order; where
/// not, it cannot be told.
struct AlikePlaces {
  struct Place {
    var path: DocumentPath
    /// Nil for a plain string.
    var text: ContainerHandle?
  }

  private struct Likeness: Hashable {
    var utf8: [UInt8]
    var path: DocumentPath

    init(_ string: String, at path: DocumentPath) {
      utf8 = Array(string.utf8)
      self.path = DocumentPath(
        path.steps.map { if case .index = $0 { .index(0) } else { $0 } })
    }
  }

  private let theirs: [Likeness: [Place]]
  private let here: [Likeness: [Place]]
  /// The texts that are shown to them.
  private let theirTexts: Set<ContainerID>
  private let document: Document

  /// Complexity: O(both documents).
  init(of theirs: Document, in document: Document) {
    self.document = document
    self.theirs = Self.places(in: theirs)
    here = Self.places(in: document)
    theirTexts = Set(theirs.textsShown().map { theirs.containers[$0.text.index].id })
  }

  private static func places(in document: Document) -> [Likeness: [Place]] {
    var places: [Likeness: [Place]] = [:]
    for (content, path) in document.contentsShown() {
      switch content {
      case .value(.string(let string)):
        places[Likeness(string, at: path), default: []].append(Place(path: path, text: nil))
      case .container(let handle) where document.kind(of: handle) == .text:
        let string = document.string(of: handle)
        places[Likeness(string, at: path), default: []].append(Place(path: path, text: handle))
      default: break
      }
    }
    return places
  }

  /// Where the string or text that they have at a path stands here; nil when that cannot be told,
  /// or it is another text of theirs.
  func place(of string: String, from path: DocumentPath) -> Place? {
    let likeness = Likeness(string, at: path)
    guard let all = theirs[likeness], let found = here[likeness], all.count == found.count,
      let index = all.firstIndex(where: { $0.path == path })
    else { return nil }
    if let text = found[index].text, isTheirs(text) { return nil }
    return found[index]
  }

  /// Whether they have a text under its name here.
  func isTheirs(_ text: ContainerHandle) -> Bool {
    theirTexts.contains(document.containers[text.index].id)
  }
}

extension Document {
  func string(of text: ContainerHandle) -> String { texts[slot(of: text)].string }

  func textShown(at path: DocumentPath) -> ContainerHandle? {
    guard case .container(let handle)? = try? place(at: path), kind(of: handle) == .text else {
      return nil
    }
    return handle
  }

  /// The texts that readers see, and where. Complexity: O(document).
  func textsShown() -> [(text: ContainerHandle, path: DocumentPath)] {
    contentsShown().compactMap { content, path in
      guard case .container(let handle) = content, kind(of: handle) == .text else { return nil }
      return (handle, path)
    }
  }

  /// What readers see, and where: containers, each before what is in it, and values.
  func contentsShown() -> [(content: Register.Content, path: DocumentPath)] {
    var found: [(Register.Content, DocumentPath)] = []
    var open: [(Register.Content, DocumentPath)] = [(.container(.root), DocumentPath())]
    while let (content, path) = open.popLast() {
      found.append((content, path))
      guard case .container(let handle) = content else { continue }
      var inner: [(Register.Content?, DocumentPath)] = []
      switch kind(of: handle) {
      case .text, .counter: break
      case .map:
        for (key, register) in maps[slot(of: handle)].sorted(by: { $0.key < $1.key }) {
          inner.append((register.winner?.content, path.appending(.key(key.text))))
        }
      case .list:
        for (index, element) in lists[slot(of: handle)].elements.enumerated() {
          inner.append((element.register.winner?.content, path.appending(.index(index))))
        }
      case .tree:
        let outline = TreeOutline(trees[slot(of: handle)])
        let places = TreeRearrangement(from: outline, at: path)
        for (node, _) in outline.nodes {
          guard let value = handles[ContainerID.element(node, .map)] else { continue }
          let place = places.path(of: node).appending(.key(Document.valueMember))
          inner.append((.container(value), place))
        }
      }
      for case (let content?, let path) in inner.reversed() { open.append((content, path)) }
    }
    return found
  }
}
