package import Causality
import Sabotages

/// One document in memory: its state and the changes at its frontier, nothing else.
///
/// The state is a pure function of the set of changes applied. History (the event graph and the
/// logs of texts and lists) is asked for only when a change arrives that was made at the same time
/// as another one; see ``merge(_:history:)``.
///
/// A document has one owner. It is a class so that an edit never copies what it does not touch;
/// ``copy()`` gives a second one that shares storage until either changes. When an edit or a merge
/// throws, or an editor is dropped without ``Editor/finish()``, discard the document and open it
/// again from its state.
package final class Document {
  package let id: DocumentID

  /// The changes that no other change of the document names as a parent, sorted.
  var frontier: [FrontierEntry] = []
  /// Every container that an operation ever named, dead ones too: a concurrent change may still
  /// reach them. The root is the first.
  var containers: [Container] = [Container(id: .root, slot: 0)]
  var handles: [ContainerID: ContainerHandle] = [.root: .root]
  var maps: [[Key: Register]] = [[:]]
  var lists: [ListState] = []
  var texts: [TextRope] = []
  var counters: [Int128] = []
  var history: DocumentHistory?
  /// While an editor is open and has done something: whether its last operation was
  /// `deleteDocument`.
  var openEditEndsInDelete: Bool?

  /// About how many bytes the document takes in memory, and its state in bytes. Complexity: O(1).
  package internal(set) var approximateBytes = 64

  struct FrontierEntry: Hashable, Sendable {
    var change: ChangeID
    var endsInDelete: Bool
  }

  struct Container: Sendable {
    var id: ContainerID
    /// Its place in the column of its kind.
    var slot: Int
    /// Texts and lists: whether some event of it had no effect, because it names a position that
    /// its author's version does not have. Depends on the set of changes alone, since each event is
    /// judged on that version; once set it stays. Honest authors never set it. The walker must
    /// know, or it would misjudge how long the text or list was when a conflict began.
    var isFlawed = false
  }

  /// A document without a change.
  package init(id: DocumentID) {
    self.id = id
  }

  /// A second document with the same state; storage is shared until one of them changes.
  package func copy() -> Document {
    let copy = Document(id: id)
    copy.frontier = frontier
    copy.containers = containers
    copy.handles = handles
    copy.maps = maps
    copy.lists = lists
    copy.texts = texts
    copy.counters = counters
    copy.history = history
    copy.approximateBytes = approximateBytes
    return copy
  }

  /// The frontier in changes: what the next edit names as its parents.
  package var parents: [ChangeID] { frontier.map(\.change) }

  /// Whether no change was applied yet.
  package var isEmpty: Bool { frontier.isEmpty }

  /// Whether every change of the frontier ended in `deleteDocument`. An edit made after the delete,
  /// or at the same time, wins.
  package var isDeleted: Bool {
    if let openEditEndsInDelete { return openEditEndsInDelete }
    if Sabotage.deleteBeatsEdit.isPlanted { return frontier.contains(where: \.endsInDelete) }
    return !frontier.isEmpty && frontier.allSatisfy(\.endsInDelete)
  }

  /// Takes a change into the frontier in place of its parents.
  func advanceFrontier(to change: ChangeID, parents: [ChangeID], endsInDelete: Bool) {
    frontier.removeAll { parents.contains($0.change) }
    let index = frontier.firstIndex { change < $0.change } ?? frontier.count
    frontier.insert(FrontierEntry(change: change, endsInDelete: endsInDelete), at: index)
  }

  func isAtFrontier(_ parents: [ChangeID]) -> Bool {
    parents.count == frontier.count
      && zip(parents, frontier).allSatisfy { $0 == $1.change }
  }
}

extension Document {
  func kind(of handle: ContainerHandle) -> ContainerKind {
    containers[handle.index].id.kind
  }

  func slot(of handle: ContainerHandle) -> Int {
    containers[handle.index].slot
  }

  /// The handle of a container, which is made, empty, when no operation named it before.
  func materialise(_ id: ContainerID) -> ContainerHandle {
    if let handle = handles[id] { return handle }
    if case .child(let parent, _, _, _) = id { _ = materialise(parent) }
    let slot: Int
    switch id.kind {
    case .map:
      slot = maps.count
      maps.append([:])
    case .list:
      slot = lists.count
      lists.append(ListState())
    case .text:
      slot = texts.count
      texts.append(TextRope())
    case .counter:
      slot = counters.count
      counters.append(0)
    case .tree: slot = 0
    }
    let handle = ContainerHandle(index: containers.count)
    containers.append(Container(id: id, slot: slot))
    handles[id] = handle
    approximateBytes += 64
    return handle
  }
}
