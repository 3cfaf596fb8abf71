/// Takes a model apart: what `encode(to:)` of its type says becomes a ``ModelNode``.
struct ModelEncoder: Encoder {
  let draft: NodeDraft
  let codingPath: [any CodingKey]
  /// How many containers stand around the model in the document.
  let depth: Int

  var userInfo: [CodingUserInfoKey: Any] { [:] }

  /// - Parameter depth: how many containers stand around the place of the model, the root included.
  static func node(
    of model: some Encodable, depth: Int
  ) throws -> ModelNode {
    let draft = NodeDraft()
    try ModelEncoder(draft: draft, codingPath: [], depth: depth).encode(model)
    return draft.node
  }

  func encode<Model: Encodable>(_ model: Model) throws {
    guard depth + codingPath.count <= ContainerID.depthMax + 1 else {
      throw refusal(
        model, "it is nested more than \(ContainerID.depthMax) containers deep", .limitExceeded)
    }
    switch model {
    case let text as CollaborativeText: draft.state = .whole(.text(text.wrappedValue))
    case let counter as Counter: draft.state = .whole(.counter(Int64(counter.wrappedValue)))
    case let scalar as any DocumentScalar:
      guard let value = scalar.documentValue else {
        throw refusal(model, "\(model) is nothing that a document can hold", .outOfRange)
      }
      draft.state = .whole(.value(value))
    case let set as any UnorderedModel:
      draft.state = .whole(try set.node { try node(ofElement: $0) })
    default:
      try model.encode(to: self)
      if model is any KeyedModel, !draft.isMap {
        throw refusal(
          model,
          "its keys are no strings, so that it would be a list in no order; let the type of the "
            + "keys be a CodingKeyRepresentable", .notSupported)
      }
      // What stands for another model is as that one is.
      if draft.kind == nil { draft.kind = kind(of: model) }
    }
  }

  private func kind(of model: some Encodable) -> ModelMap.Kind {
    guard draft.isMap else { return .fields }
    if model is any KeyedModel { return .dictionary }
    return Mirror(reflecting: model).displayStyle == .enum ? .variant : .fields
  }

  /// The elements of a set have no numbers to tell them by.
  private func node(ofElement element: some Encodable) throws -> ModelNode {
    let draft = NodeDraft()
    try appending(ModelIndex(0), draft).encode(element)
    return draft.node
  }

  private func refusal(
    _ value: Any, _ sentence: String, _ reason: ModelRefusal
  ) -> EncodingError {
    .invalidValue(
      value, .init(codingPath: codingPath, debugDescription: sentence, underlyingError: reason))
  }

  fileprivate func appending(_ key: any CodingKey, _ draft: NodeDraft) -> ModelEncoder {
    ModelEncoder(draft: draft, codingPath: codingPath + [key], depth: depth)
  }

  fileprivate func member(_ key: any CodingKey) -> ModelEncoder {
    appending(key, draft.member(Key(key.stringValue)))
  }

  fileprivate func nextElement() -> ModelEncoder {
    appending(ModelIndex(draft.elementCount), draft.nextElement())
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    draft.beginMap()
    return KeyedEncodingContainer(KeyedModelEncoder<Key>(encoder: self))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    draft.beginList()
    return ElementEncoder(encoder: self)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { SingleEncoder(encoder: self) }
}

/// A node that is being made.
final class NodeDraft {
  enum State {
    case empty
    case whole(ModelNode)
    case list([NodeDraft])
    case map([Key: NodeDraft])
  }

  var state = State.empty
  /// Of a map, once it is known.
  var kind: ModelMap.Kind?

  /// A type that says nothing has no fields.
  var node: ModelNode {
    switch state {
    case .empty: .map(ModelMap(kind ?? .fields, [:]))
    case .whole(let node): node
    case .list(let elements): .list(elements.map(\.node))
    case .map(let members): .map(ModelMap(kind ?? .fields, members.mapValues(\.node)))
    }
  }

  var isMap: Bool {
    switch state {
    case .empty, .map: true
    case .whole, .list: false
    }
  }

  var elementCount: Int {
    if case .list(let elements) = state { elements.count } else { 0 }
  }

  func beginMap() {
    if case .map = state { return }
    state = .map([:])
  }

  func beginList() {
    if case .list = state { return }
    state = .list([])
  }

  func member(_ key: Key) -> NodeDraft {
    let member = NodeDraft()
    guard case .map(var members) = state else {
      state = .map([key: member])
      return member
    }
    state = .empty
    members[key] = member
    state = .map(members)
    return member
  }

  func nextElement() -> NodeDraft {
    let element = NodeDraft()
    guard case .list(var elements) = state else {
      state = .list([element])
      return element
    }
    state = .empty
    elements.append(element)
    state = .list(elements)
    return element
  }
}

/// All its members are its own, whatever their keys.
private protocol KeyedModel {}

extension Dictionary: KeyedModel {}

// MARK: Sets

/// A model whose elements have no order.
protocol UnorderedModel {
  func node(of element: (any Encodable) throws -> ModelNode) throws -> ModelNode
}

/// A set of strings whose members are the keys of a map: of two that add the same one at once, both
/// mean one member.
protocol KeySetModel {
  init(keys: [String])
  var keys: [String] { get }
}

extension Set: UnorderedModel where Element: Encodable {
  func node(of element: (any Encodable) throws -> ModelNode) throws -> ModelNode {
    if let set = self as? any KeySetModel {
      let members = set.keys.map { (Key($0), ModelNode.value(.bool(true))) }
      return .map(ModelMap(.dictionary, Dictionary(members, uniquingKeysWith: { one, _ in one })))
    }
    let nodes = try map(element)
    return .set(ModelNode.order(of: nodes.map(\.mark)).map { nodes[$0] })
  }
}

extension Set: KeySetModel where Element == String {
  init(keys: [String]) { self.init(keys) }
  var keys: [String] { Array(self) }
}

// MARK: Containers

private struct KeyedModelEncoder<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let encoder: ModelEncoder

  var codingPath: [any CodingKey] { encoder.codingPath }

  func encodeNil(forKey key: Key) throws {
    encoder.member(key).draft.state = .whole(.value(.null))
  }

  func encode(_ value: some Encodable, forKey key: Key) throws {
    try encoder.member(key).encode(value)
  }

  func encodeIfPresent(_ value: (some Encodable)?, forKey key: Key) throws {
    try encode(value, ifPresentForKey: key)
  }

  // The protocol has an answer of its own to each of these, which would leave nothing behind.
  func encodeIfPresent(_ value: Bool?, forKey key: Key) throws {
    try encode(value, ifPresentForKey: key)
  }
  func encodeIfPresent(_ value: String?, forKey key: Key) throws {
    try encode(value, ifPresentForKey: key)
  }
  func encodeIfPresent(_ value: Double?, forKey key: Key) throws {
    try encode(value, ifPresentForKey: key)
  }
  func encodeIfPresent(_ value: Float?, forKey key: Key) throws {
    try encode(value, ifPresentForKey: key)
  }
  func encodeIfPresent(_ value: Int?, forKey key: Key) throws {
    try encode(value, ifPresentForKey: key)
  }
  func encodeIfPresent(_ value: Int8?, forKey key: Key) throws {
    try encode(value, ifPresentForKey: key)
  }
  func encodeIfPresent(_ value: Int16?, forKey key: Key) throws {
    try encode(value, ifPresentForKey: key)
  }
  func encodeIfPresent(_ value: Int32?, forKey key: Key) throws {
    try encode(value, ifPresentForKey: key)
  }
  func encodeIfPresent(_ value: Int64?, forKey key: Key) throws {
    try encode(value, ifPresentForKey: key)
  }
  func encodeIfPresent(_ value: UInt?, forKey key: Key) throws {
    try encode(value, ifPresentForKey: key)
  }
  func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws {
    try encode(value, ifPresentForKey: key)
  }
  func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws {
    try encode(value, ifPresentForKey: key)
  }
  func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws {
    try encode(value, ifPresentForKey: key)
  }
  func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws {
    try encode(value, ifPresentForKey: key)
  }

  /// What is nil is left out, and known to be.
  private func encode(_ value: (some Encodable)?, ifPresentForKey key: Key) throws {
    let member = encoder.member(key)
    guard let value else {
      member.draft.state = .whole(.absent)
      return
    }
    try member.encode(value)
  }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type, forKey key: Key
  ) -> KeyedEncodingContainer<NestedKey> {
    encoder.member(key).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    encoder.member(key).unkeyedContainer()
  }

  func superEncoder() -> any Encoder { encoder.member(ModelKey.superclass) }
  func superEncoder(forKey key: Key) -> any Encoder { encoder.member(key) }
}

private struct ElementEncoder: UnkeyedEncodingContainer {
  let encoder: ModelEncoder

  var codingPath: [any CodingKey] { encoder.codingPath }
  var count: Int { encoder.draft.elementCount }

  func encodeNil() throws { encoder.nextElement().draft.state = .whole(.value(.null)) }
  func encode(_ value: some Encodable) throws { try encoder.nextElement().encode(value) }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type
  ) -> KeyedEncodingContainer<NestedKey> {
    encoder.nextElement().container(keyedBy: type)
  }

  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    encoder.nextElement().unkeyedContainer()
  }

  func superEncoder() -> any Encoder { encoder.nextElement() }
}

private struct SingleEncoder: SingleValueEncodingContainer {
  let encoder: ModelEncoder

  var codingPath: [any CodingKey] { encoder.codingPath }

  func encodeNil() throws { encoder.draft.state = .whole(.value(.null)) }
  func encode(_ value: some Encodable) throws { try encoder.encode(value) }
}
