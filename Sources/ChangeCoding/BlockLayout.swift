import Causality
import Documents

/// The bits and numbers of FORMAT.md.
enum BlockLayout {
  /// What the head of a change says; a bit is set whenever what it says is true.
  enum ChangeHead {
    static let sameOrigin: UInt8 = 0x01
    static let nextSequence: UInt8 = 0x02
    static let nextLamport: UInt8 = 0x04
    static let noDependencies: UInt8 = 0x08
    static let sameDocument: UInt8 = 0x10
    static let parentsArePrevious: UInt8 = 0x20
    static let oneOperationEach: UInt8 = 0x40
    static let known: UInt8 = 0x7F
  }

  /// What the head of an operation says: its code, and bits that are set whenever they are true.
  enum OperationHead {
    static let codeMask: UInt8 = 0x0F
    static let sameContainer: UInt8 = 0x10
    /// The position follows the cursor, or the entry replaced is the last one written there.
    static let predicted: UInt8 = 0x20
    /// One scalar, one removal, or nothing replaced.
    static let single: UInt8 = 0x40
  }

  enum Code: UInt8 {
    case set = 0
    case make = 1
    case makeAnew = 2
    case delete = 3
    case increment = 4
    case insertText = 5
    case insertElements = 6
    case remove = 7
    case setElement = 8
    case deleteDocument = 9
    /// An operation of a later release, its number and bytes in the details.
    case other = 15
  }

  /// Numbers of operations that came after the first release begin here: whoever does not know one
  /// passes over its bytes.
  static let otherCodeMin: UInt64 = 16
  static let resolveCode: UInt64 = 16
  static let createNodeCode: UInt64 = 17
  static let moveNodeCode: UInt64 = 18
  static let deleteNodeCode: UInt64 = 19
  static let markCode: UInt64 = 20

  static let elementContainerTag: UInt8 = 8
  static let movedElementTag: UInt8 = 9
}

/// What both sides of the coding remember of one document of a block, so that what can be foreseen
/// need not be written.
struct DocumentTrail {
  /// The last change of the block that edited the document.
  var lastChange: ChangeID?
  /// The container of the last operation, by number.
  var container = 0
  /// Where the last operation on a text or list in that container ended.
  var cursor = 0
  var lastWrites = LastWrites()

  /// Turns to a container; the cursor of another one means nothing.
  mutating func turn(to container: Int) {
    if container != self.container { cursor = 0 }
    self.container = container
  }
}

/// For keys and elements: the event that wrote there last.
struct LastWrites {
  enum Slot: Hashable {
    case key(container: Int, key: Int)
    case element(EventID)
  }

  private var slots = NameTable<Slot>()
  private var events = ShortList<EventID>()

  /// - Returns: What wrote there before.
  mutating func replace(_ slot: Slot, with event: EventID) -> EventID? {
    guard let number = slots.number(of: slot) else {
      slots.append(slot)
      events.append(event)
      return nil
    }
    defer { events[number] = event }
    return events[number]
  }
}

extension Operation.Action {
  var code: BlockLayout.Code {
    switch self {
    case .set: .set
    case .make(_, _, let isAnew, _): isAnew ? .makeAnew : .make
    case .delete: .delete
    case .increment: .increment
    case .insertText: .insertText
    case .insertElements: .insertElements
    case .remove: .remove
    case .setElement: .setElement
    case .deleteDocument: .deleteDocument
    case .resolve, .createNode, .moveNode, .deleteNode, .mark, .unknown: .other
    }
  }
}
