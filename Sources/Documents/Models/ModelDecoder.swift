import Causality

/// Hands a type what stands at one place of a document, as far as it asks.
struct ModelDecoder: Decoder {
  let document: Document
  let place: Document.Place
  let codingPath: [any CodingKey]
  let policies: RegisterPolicies

  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func decode<Model: Decodable>(_ type: Model.Type) throws -> Model {
    // Nesting that no editor makes.
    guard codingPath.count <= ContainerID.depthMax + 1 else {
      throw DecodingError.dataCorrupted(
        context("it is nested more than \(ContainerID.depthMax) containers deep", .limitExceeded))
    }
    if let scalar = type as? any DocumentScalar.Type, let found = try self.scalar(scalar) as? Model
    {
      return found
    }
    if let set = type as? any KeySetModel.Type, case .container(let handle) = place,
      document.kind(of: handle) == .map,
      let found = set.init(keys: keys(of: handle).map(\.text)) as? Model
    {
      return found
    }
    return try type.init(from: self)
  }

  /// Nil for the bytes of a list of numbers, which are read one by one.
  private func scalar<Scalar: DocumentScalar>(_ type: Scalar.Type) throws -> Scalar? {
    guard let value else {
      if type == [UInt8].self, case .container(let handle) = place,
        document.kind(of: handle) == .list
      {
        return nil
      }
      throw mismatch(type)
    }
    if let scalar = Scalar(documentValue: value) { return scalar }
    switch value {
    case .null:
      throw DecodingError.valueNotFound(type, context("it is null, and \(type) is wanted"))
    case .integer, .double:
      guard type is any Numeric.Type else { throw mismatch(type) }
      throw DecodingError.dataCorrupted(
        context("\(value.json) does not fit into \(type)", .outOfRange))
    default: throw mismatch(type)
    }
  }

  /// What is read as one value: texts as strings and counters as numbers that stop at the ends of
  /// 64 bits. Nil for other containers.
  private var value: Value? {
    switch place {
    case .value(let value): return value
    case .branch: return nil
    case .container(let handle):
      let slot = document.slot(of: handle)
      switch document.kind(of: handle) {
      case .text: return .string(document.texts[slot].string)
      case .counter: return .integer(Int64(clamping: document.counters[slot]))
      case .map, .list, .tree: return nil
      }
    }
  }

  var isNil: Bool {
    if case .value(.null) = place { true } else { false }
  }

  fileprivate func keys(of map: ContainerHandle) -> [Documents.Key] {
    document.maps[document.slot(of: map)].keys.sorted()
  }

  /// What a step leads to: the last writer's, or what the reader's policy makes of the register.
  fileprivate func step(_ key: any CodingKey, to register: Register) throws -> ModelDecoder {
    let path = codingPath + [key]
    let picked =
      policies.policy(at: PathStep.steps(path)).map { document.pick(from: register, $0) }
      ?? .content(register.winner?.content ?? .value(.null))
    switch picked {
    case .content(let content): return step(path, Document.Place(content), of: document)
    case .made(let json):
      // A document of its own, from which it is read like all else.
      let made = Document(id: document.id)
      let change = ChangeID(origin: Origin(high: 0, low: 0), sequence: 1)
      try made.beginEdit(change, lamport: 1).set(["made"], to: json)
      return step(path, try made.place(at: ["made"]), of: made)
    }
  }

  private func step(
    _ path: [any CodingKey], _ place: Document.Place, of document: Document
  ) -> ModelDecoder {
    ModelDecoder(document: document, place: place, codingPath: path, policies: policies)
  }

  // MARK: Errors

  private func context(
    _ sentence: String, _ reason: ModelRefusal? = nil
  ) -> DecodingError.Context {
    DecodingError.Context(
      codingPath: codingPath, debugDescription: sentence, underlyingError: reason)
  }

  private func mismatch(_ wanted: Any.Type) -> DecodingError {
    .typeMismatch(wanted, context("it is \(found), and \(wanted) is wanted"))
  }

  /// What stands there, in words.
  private var found: String {
    switch place {
    case .container(let handle): "a \(document.kind(of: handle))"
    case .branch: "a part of a tree"
    case .value(.null): "null"
    case .value(.bool): "true or false"
    case .value(.integer): "a whole number"
    case .value(.double): "a number"
    case .value(.string): "a string"
    case .value(.bytes): "bytes"
    case .value(.timestamp): "a moment"
    }
  }

  fileprivate func nothing(at key: any CodingKey, _ wanted: Any.Type) -> DecodingError {
    .keyNotFound(key, context("there is nothing, and \(wanted) is wanted"))
  }

  // MARK: Containers

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard case .container(let handle) = place, document.kind(of: handle) == .map else {
      throw containerMismatch("a map")
    }
    return KeyedDecodingContainer(KeyedModelDecoder<Key>(decoder: self, map: handle))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard case .container(let handle) = place, document.kind(of: handle) == .list else {
      throw containerMismatch("a list")
    }
    let elements = document.lists[document.slot(of: handle)].elements.map(\.register)
    return ElementDecoder(decoder: self, elements: elements)
  }

  private func containerMismatch(_ wanted: String) -> DecodingError {
    isNil
      ? .valueNotFound([String: Any].self, context("it is null, and \(wanted) is wanted"))
      : .typeMismatch([String: Any].self, context("it is \(found), and \(wanted) is wanted"))
  }

  func singleValueContainer() -> any SingleValueDecodingContainer { SingleDecoder(decoder: self) }
}

/// A model that has a value before anybody has written it.
private protocol ModelWithStart {
  static var start: Self { get }
}

extension CollaborativeText: ModelWithStart {
  static var start: CollaborativeText { CollaborativeText() }
}

extension Counter: ModelWithStart {
  static var start: Counter { Counter() }
}

extension Array: ModelWithStart {
  static var start: [Element] { [] }
}

extension Set: ModelWithStart {
  static var start: Set<Element> { [] }
}

extension Dictionary: ModelWithStart {
  static var start: [Key: Value] { [:] }
}

private struct KeyedModelDecoder<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let decoder: ModelDecoder
  let map: ContainerHandle

  var codingPath: [any CodingKey] { decoder.codingPath }

  var allKeys: [Key] { decoder.keys(of: map).compactMap { Key(stringValue: $0.text) } }

  private func register(_ key: any CodingKey) -> Register? {
    decoder.document.maps[decoder.document.slot(of: map)][Documents.Key(key.stringValue)]
  }

  private func member(_ key: any CodingKey, _ wanted: Any.Type) throws -> ModelDecoder {
    guard let register = register(key) else { throw decoder.nothing(at: key, wanted) }
    return try decoder.step(key, to: register)
  }

  func contains(_ key: Key) -> Bool { register(key) != nil }

  func decodeNil(forKey key: Key) throws -> Bool {
    try register(key).map { try decoder.step(key, to: $0).isNil } ?? true
  }

  func decode<Model: Decodable>(_ type: Model.Type, forKey key: Key) throws -> Model {
    if register(key) == nil, let start = (type as? any ModelWithStart.Type)?.start as? Model {
      return start
    }
    return try member(key, type).decode(type)
  }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<NestedKey> {
    try member(key, [String: Any].self).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try member(key, [Any].self).unkeyedContainer()
  }

  func superDecoder() throws -> any Decoder {
    try member(ModelKey.superclass, [String: Any].self)
  }

  func superDecoder(forKey key: Key) throws -> any Decoder {
    try member(key, [String: Any].self)
  }
}

private struct ElementDecoder: UnkeyedDecodingContainer {
  let decoder: ModelDecoder
  let elements: [Register]
  private(set) var currentIndex = 0

  init(decoder: ModelDecoder, elements: [Register]) {
    self.decoder = decoder
    self.elements = elements
  }

  var codingPath: [any CodingKey] { decoder.codingPath }
  var count: Int? { elements.count }
  var isAtEnd: Bool { currentIndex >= elements.count }

  private func next(_ wanted: Any.Type) throws -> ModelDecoder {
    let index = ModelIndex(currentIndex)
    guard !isAtEnd else {
      throw DecodingError.valueNotFound(
        wanted,
        .init(
          codingPath: codingPath + [index],
          debugDescription: "the list ends here, and \(wanted) is wanted"))
    }
    return try decoder.step(index, to: elements[currentIndex])
  }

  mutating func decodeNil() throws -> Bool {
    guard try next(Never.self).isNil else { return false }
    currentIndex += 1
    return true
  }

  mutating func decode<Model: Decodable>(_ type: Model.Type) throws -> Model {
    let model = try next(type).decode(type)
    currentIndex += 1
    return model
  }

  mutating func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type
  ) throws -> KeyedDecodingContainer<NestedKey> {
    let container = try next([String: Any].self).container(keyedBy: type)
    currentIndex += 1
    return container
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    let container = try next([Any].self).unkeyedContainer()
    currentIndex += 1
    return container
  }

  mutating func superDecoder() throws -> any Decoder {
    let element = try next([String: Any].self)
    currentIndex += 1
    return element
  }
}

private struct SingleDecoder: SingleValueDecodingContainer {
  let decoder: ModelDecoder

  var codingPath: [any CodingKey] { decoder.codingPath }

  func decodeNil() -> Bool { decoder.isNil }
  func decode<Model: Decodable>(_ type: Model.Type) throws -> Model { try decoder.decode(type) }
}
