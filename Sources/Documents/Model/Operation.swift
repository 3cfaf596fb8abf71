package import Causality
import RunStructures

/// The smallest edit of one container as its author made it: positions are those of the version
/// that the author saw, and nothing in it depends on where it is applied.
package struct Operation: Hashable, Sendable {
  package var container: ContainerID
  package var action: Action

  package init(_ container: ContainerID, _ action: Action) {
    self.container = container
    self.action = action
  }

  /// The most events of one edit.
  package static let eventCountMax = 1 << 24
  /// The largest position in a text or list.
  package static let positionMax = (1 << 30) - 1

  package enum Action: Hashable, Sendable {
    /// Map: the key holds the value; the entries named were seen by the author and give way.
    case set(Key, Value, replaces: [EventID])
    /// Map: the key holds a container of the kind. When `isAnew`, its name carries this event.
    case make(Key, ContainerKind, isAnew: Bool, replaces: [EventID])
    /// Map: the entries named are gone.
    case delete(Key, replaces: [EventID])
    /// Counter.
    case increment(by: Int64)
    /// Text; the position and the events count Unicode scalars.
    case insertText(at: Int, String)
    /// List.
    case insertElements(at: Int, [Element])
    /// Text or list: `count` scalars or elements from position `at` on.
    case remove(at: Int, count: Int)
    /// List: what the element inserted by the event holds.
    case setElement(EventID, Element, replaces: [EventID])
    /// The document is gone, unless an edit follows it or was made at the same time.
    case deleteDocument
    /// Somebody has seen what these events did to what others did at the same time, and leaves it
    /// as it is; ascending, at least one. See ``ConflictFinder``.
    case resolve([EventID])
    /// Tree: a new node, named by this event. What it holds is the map that stands under that event
    /// as the element of a list would.
    case createNode(TreePlace)
    /// Tree: the node that the event made stands elsewhere from now on.
    indirect case moveNode(EventID, TreePlace)
    /// Tree: the node that the event made is gone, with what stands under it.
    case deleteNode(EventID)
    /// Text: the scalars from position `from` up to `to` get a mark; null takes the one of that
    /// name away. See ``TextMarks`` for what grows.
    case mark(from: Int, to: Int, Key, Value, MarkExpansion)
    /// An operation of a later release: kept, forwarded and counted, without an effect here.
    case unknown(code: UInt64, eventCount: Int, bytes: [UInt8])
  }

  /// What stands at one place of a list.
  package enum Element: Hashable, Sendable {
    case value(Value)
    case container(ContainerKind)
    /// An element of the list that the event inserted, and that stands elsewhere: from here on it
    /// stands here. Whoever moves it removes the places that it had.
    case moved(EventID)
  }

  /// How many events the operation is, at least 1 in a valid one. Complexity: O(text).
  package var eventCount: Int {
    switch action {
    case .insertText(_, let text): UTF8Scalars.count(text)
    case .insertElements(_, let elements): elements.count
    case .remove(_, let count): count
    case .unknown(_, let count, _): count
    case .set, .make, .delete, .increment, .setElement, .deleteDocument, .resolve, .createNode,
      .moveNode, .deleteNode, .mark:
      1
    }
  }

  var isUnknown: Bool {
    if case .unknown = action { true } else { false }
  }

  var isDeleteDocument: Bool {
    if case .deleteDocument = action { true } else { false }
  }

  /// Whether the operation changes the order of a text or list, so that a concurrent one needs the
  /// history.
  package var isOfSequence: Bool {
    switch (action, container.kind) {
    case (.insertText, .text), (.insertElements, .list), (.remove, .text), (.remove, .list): true
    default: false
    }
  }
}

extension Operation {
  /// Texts are compared by their bytes, as everywhere in a document.
  package static func == (left: Operation, right: Operation) -> Bool {
    guard left.container == right.container else { return false }
    switch (left.action, right.action) {
    case (.insertText(let leftAt, let left), .insertText(let rightAt, let right)):
      return leftAt == rightAt && left.utf8.elementsEqual(right.utf8)
    case (let left, let right): return left == right
    }
  }
}
