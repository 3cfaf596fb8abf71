package import Causality
import Sabotages

/// One document in memory: its state and the changes at its frontier, nothing else.
///
/// The state is a pure function of the set of changes applied. History (the event graph and the
/// logs of texts and lists) is asked for only when a change arrives that was made at the same time
/// as another one; see ``merge(_:history:)``.
///
/// A document has one owner and is never entered again while it works, which is why its storage
/// does without dynamic checks of exclusive access: they would cost more than a keystroke does. It
/// is a class so that an edit never copies what it does not touch; ``copy()`` gives a second one
/// that shares storage until either changes. When an edit or a merge throws, or an editor is
/// dropped without ``Editor/finish()``, discard the document and open it again from its state.
package final class Document {
  package let id: DocumentID

  /// Read through ``frontier``, which settles first.
  @exclusivity(unchecked) var storedFrontier: [FrontierEntry] = []
  /// Every container that an operation ever named, dead ones too: a concurrent change may still
  /// reach them. The root is the first. Of those that were forgotten again no handle is left.
  @exclusivity(unchecked) var containers: [Container] = [Container(id: .root, slot: 0)]
  var handles: [ContainerID: ContainerHandle] = [.root: .root]
  @exclusivity(unchecked) var maps: [[Key: Register]] = [[:]]
  @exclusivity(unchecked) var lists: [ListState] = []
  /// Read in place only; everything else goes through ``texts``.
  @exclusivity(unchecked) var storedTexts: [TextRope] = []
  /// The marks of the texts that have any, by the place of the text among the texts.
  @exclusivity(unchecked) var marks: [Int: TextMarks] = [:]
  /// From where the marks of texts may be replayed in the history that the document keeps.
  var markCheckpoints: [Int: MarkCheckpoints] = [:]
  /// What was deleted in texts and lists, by the history that the document keeps.
  var deletionIndexes: [ContainerID: DeletionIndex] = [:]
  /// Who wrote to which key or element, by the history that the document keeps.
  var writeIndex = WriteIndex()
  /// What named each container first, by the history that the document keeps.
  var namingIndex = NamingIndex()
  @exclusivity(unchecked) var counters: [Int128] = []
  @exclusivity(unchecked) var trees: [TreeState] = []
  /// Read through ``history``, which settles first.
  @exclusivity(unchecked) var storedHistory: DocumentHistory?
  /// Transactions that the history and the frontier have yet to learn of.
  @exclusivity(unchecked) var pending = PendingEdits()
  /// Where somebody types.
  @exclusivity(unchecked) var typing = TypingGap()
  /// While an editor is open and has done something: whether its last operation was
  /// `deleteDocument`.
  @exclusivity(unchecked) var openEditEndsInDelete: Bool?

  /// Whether a write was seen to leave another one beside it, as one that was made at the same time
  /// does, or one by an author who does not name what it replaces.
  @exclusivity(unchecked) package internal(set) var hasRivals = false

  /// The container named last, which is mostly the next one too.
  @exclusivity(unchecked) private var recentContainer = 0

  /// About how many bytes the document takes in memory, and its state in bytes. Complexity: O(1).
  package internal(set) var approximateBytes: Int {
    get { countedBytes + typing.typedCount }
    set { countedBytes = newValue - typing.typedCount }
  }

  /// The same without what was typed since ``beginTyping()``.
  @exclusivity(unchecked) var countedBytes = 64

  struct FrontierEntry: Hashable, Sendable {
    var change: ChangeID
    var endsInDelete: Bool
  }

  struct Container: Sendable {
    let id: ContainerID
    let kind: ContainerKind
    /// Its place in the column of its kind.
    let slot: Int
    /// Texts and lists: whether some event of it had no effect, because it names a position that
    /// its author's version does not have. Depends on the set of changes alone, since each event is
    /// judged on that version; once set it stays. Honest authors never set it. The walker must
    /// know, or it would misjudge how long the text or list was when a conflict began.
    var isFlawed = false
    /// Its place in the history that the document keeps; -1 while nobody has asked.
    var sequence = -1

    init(id: ContainerID, slot: Int) {
      self.id = id
      self.slot = slot
      kind = id.kind
    }
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
    copy.marks = marks
    copy.counters = counters
    copy.trees = trees
    copy.history = history
    copy.approximateBytes = approximateBytes
    return copy
  }

  /// The changes that no other change of the document names as a parent, sorted.
  var frontier: [FrontierEntry] {
    get {
      settle()
      return storedFrontier
    }
    _modify {
      settle()
      yield &storedFrontier
    }
  }

  /// The history, while the document keeps it.
  var history: DocumentHistory? {
    get {
      settle()
      return storedHistory
    }
    _modify {
      settle()
      yield &storedHistory
    }
  }

  /// The texts. Whoever reads or edits them here takes the text from the keystrokes that would go
  /// straight into its gap: reading writes to the document too.
  var texts: [TextRope] {
    _read {
      endTyping()
      yield storedTexts
    }
    _modify {
      endTyping()
      yield &storedTexts
    }
  }

  /// Whether the transaction at hand has begun with a keystroke that is committed as it is, or
  /// taken back.
  @inline(__always)
  var hasOffer: Bool { typing.isOffered || pending.hasOffer }

  /// Puts the transactions that were gathered where they belong.
  @inline(__always)
  func settle() {
    if pending.isOpen { settlePending() }
  }

  /// The frontier in changes: what the next edit names as its parents.
  package var parents: [ChangeID] { frontier.map(\.change) }

  /// Whether no change was applied yet.
  package var isEmpty: Bool { frontier.isEmpty }

  /// Whether every change of the frontier ended in `deleteDocument`. An edit made after the delete,
  /// or at the same time, wins.
  package var isDeleted: Bool {
    if hasOffer { return false }
    if let openEditEndsInDelete { return openEditEndsInDelete }
    if Sabotage.deleteBeatsEdit.isPlanted { return frontier.contains(where: \.endsInDelete) }
    return !frontier.isEmpty && frontier.allSatisfy(\.endsInDelete)
  }

  /// Takes a change into the frontier in place of its parents.
  func advanceFrontier(to change: ChangeID, parents: [ChangeID], endsInDelete: Bool) {
    if isAtFrontier(parents) {
      return advanceFrontier(to: change, endsInDelete: endsInDelete)
    }
    frontier.removeAll { parents.contains($0.change) }
    let index = frontier.firstIndex { change < $0.change } ?? frontier.count
    frontier.insert(FrontierEntry(change: change, endsInDelete: endsInDelete), at: index)
  }

  /// Takes a change into the frontier whose author had seen everything here.
  func advanceFrontier(to change: ChangeID, endsInDelete: Bool) {
    let entry = FrontierEntry(change: change, endsInDelete: endsInDelete)
    if frontier.count == 1 {
      frontier[0] = entry
    } else {
      frontier = [entry]
    }
  }

  func isAtFrontier(_ parents: [ChangeID]) -> Bool {
    guard parents.count == frontier.count else { return false }
    for index in parents.indices where parents[index] != frontier[index].change { return false }
    return true
  }
}

extension Document {
  /// Whether a container is there, and not one that was forgotten. Complexity: O(1).
  func isNamed(_ handle: ContainerHandle) -> Bool {
    handles.count == containers.count || handles[containers[handle.index].id] == handle
  }

  /// Takes containers for such that no operation has ever named.
  ///
  /// - Precondition: nothing is in them, and they stand nowhere.
  func forget(_ unnamed: Set<ContainerID>) {
    for container in unnamed { handles[container] = nil }
    recentContainer = 0
  }

  func kind(of handle: ContainerHandle) -> ContainerKind {
    containers[handle.index].kind
  }

  func slot(of handle: ContainerHandle) -> Int {
    containers[handle.index].slot
  }

  /// The handle of a container, which is made, empty, when no operation named it before.
  func materialise(_ id: ContainerID) -> ContainerHandle {
    if recentContainer < containers.count, containers[recentContainer].id == id {
      return ContainerHandle(index: recentContainer)
    }
    if let handle = handles[id] {
      recentContainer = handle.index
      return handle
    }
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
    case .tree:
      slot = trees.count
      trees.append(TreeState())
    }
    let handle = ContainerHandle(index: containers.count)
    containers.append(Container(id: id, slot: slot))
    handles[id] = handle
    approximateBytes += 64
    return handle
  }
}
