extension SequenceTracker {
  /// A run of units: unit `k` has the id `id + k`, and for `k > 0` the unit before it as left
  /// origin and parent. All share right origin and state.
  struct Span: BitwiseCopyable {
    var id: ID
    var count: UInt32
    /// Left origin of the first unit: what stood before it when it was inserted.
    var left: ID
    /// Right origin: the unit that came next, deleted or not, in the version it was inserted into.
    var right: ID
    /// Three flags and, above them, the prepare state.
    private var marks: UInt32

    private static let deleted: UInt32 = 1
    private static let leftChild: UInt32 = 2
    private static let leftParent: UInt32 = 4
    private static let one: UInt32 = 8

    init(id: ID, count: UInt32, left: ID, right: ID, state: UInt32) {
      self.id = id
      self.count = count
      self.left = left
      self.right = right
      marks = state * Self.one
    }

    /// The prepare state.
    var state: UInt32 {
      get { marks / Self.one }
      set { marks = marks % Self.one | newValue * Self.one }
    }

    /// Deleted in the effect version.
    var isDeleted: Bool {
      get { marks & Self.deleted != 0 }
      set { set(Self.deleted, newValue) }
    }

    /// The first unit is a left child of its right origin in the Fugue tree; otherwise it is a
    /// right child of its left origin.
    var isLeftChild: Bool {
      get { marks & Self.leftChild != 0 }
      set { set(Self.leftChild, newValue) }
    }

    /// The first unit has left children.
    var hasLeftChildren: Bool {
      get { marks & Self.leftParent != 0 }
      set { set(Self.leftParent, newValue) }
    }

    private mutating func set(_ flag: UInt32, _ isSet: Bool) {
      marks = isSet ? marks | flag : marks & ~flag
    }

    /// Visible in the prepare version.
    var isVisible: Bool { marks / Self.one == 1 }
    /// Existing in the prepare version, deleted or not.
    var exists: Bool { marks >= Self.one }

    var isPlaceholder: Bool { id & SequenceTracker.placeholderBit != 0 }
    var end: ID { id &+ count }
    var effectCount: UInt32 { isDeleted ? 0 : count }

    var widths: Widths { Widths(isVisible ? count : 0, effectCount, exists ? count : 0, 0) }

    /// The part from unit `offset` on; `self` keeps the part before it.
    mutating func split(at offset: UInt32) -> Span {
      var rest = self
      rest.id += offset
      rest.count -= offset
      rest.left = isPlaceholder ? SequenceTracker.none : rest.id - 1
      rest.marks &= ~(Self.leftChild | Self.leftParent)
      count = offset
      return rest
    }

    /// Whether `next` is the continuation that a split of one span would have made.
    func continues(into next: Span) -> Bool {
      end == next.id && right == next.right
        && (marks ^ next.marks) & ~(Self.leftChild | Self.leftParent) == 0
        && next.marks & (Self.leftChild | Self.leftParent) == 0
        && next.left == (isPlaceholder ? SequenceTracker.none : next.id - 1)
    }
  }
}
