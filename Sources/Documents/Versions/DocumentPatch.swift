/// One step from a document as it is shown at one moment to the document as it is shown at another.
///
/// Patches apply in order, each to what the one before it has left, and paths lead through that:
/// whoever shows the first moment and applies them all shows the second. They tell what readers
/// see: of several values of a place the one that is shown.
///
/// A node of a tree is the path of the tree and the number of each node from the top down to it.
public struct DocumentPatch: Hashable, Sendable {
  /// Where: a key of a map or an element of a list for `set` and `removed`, else what is changed;
  /// empty for the document.
  public var path: DocumentPath
  public var action: Action

  public init(_ path: DocumentPath, _ action: Action) {
    self.path = path
    self.action = action
  }

  public enum Action: Hashable, Sendable {
    /// The key or the element holds this from now on, whatever it held.
    case set(Content)
    /// The key of a map is gone.
    case removed
    /// In a text.
    case text(TextPatch)
    /// In a text: these characters, in Unicode scalars, have the mark, in place of what they had of
    /// that name. Characters that a `text` patch brings have none before. Whether what is typed at
    /// an edge is marked too, the last one tells; of marks that differ in nothing else there is no
    /// patch.
    case marked(Range<Int>, TextMark, MarkExpansion)
    /// In a text: these characters have no mark of the name any more.
    case unmarked(Range<Int>, name: String)
    /// In a list: `removed` elements go from `at` on, then others come there.
    case elements(at: Int, removed: Int, inserted: [Content])
    /// In a list: the element number `from` is number `to` afterwards.
    case moved(from: Int, to: Int)
    /// In a tree or under one of its nodes: a new node is number `at`, with an empty map and
    /// nothing under it. What it holds comes with the patches after, at the path of the node and
    /// `value`.
    case nodeMade(at: Int, id: String)
    /// In a tree or under one of its nodes: a node is gone, with what is left under it.
    case nodeRemoved(at: Int)
    /// From a tree or one of its nodes: a node stands, with what is under it, as number `at` in the
    /// same tree under `to` afterwards. That is named as it is before the move.
    case nodeMoved(from: Int, to: DocumentPath, at: Int)
    /// A counter that showed the one shows the other.
    case counted(from: Int64, to: Int64)
    /// The document as a whole is deleted, or is back. What it holds is told apart from that.
    case document(isDeleted: Bool)
  }

  /// What a place comes to hold.
  public enum Content: Hashable, Sendable {
    case value(Value)
    /// Empty; what it holds comes with the patches after.
    case container(ContainerKind)
  }
}
