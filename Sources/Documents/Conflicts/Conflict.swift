public import Causality
public import JSONCoding

/// Something that people did at once and that cannot all stand. Nothing of it is lost: every side
/// is here until somebody who has seen them decides.
///
/// Which conflicts a document has follows from the set of changes applied, so that replicas with
/// equal version vectors list the same ones under the same names.
public struct Conflict: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// A key or a list element was set to different things, or a key set and deleted.
    case value
    /// A map, list, text, counter or tree was removed or replaced as a whole while somebody edited
    /// it; an element deleted from a list while somebody set it; or a node of a tree while somebody
    /// edited it or something under it.
    case removal
    /// An element of a list or a node of a tree was moved to several places; or a node was moved
    /// and removed, or moved under itself. It stands where the last side has put it.
    case position
    /// A passage of a text was rewritten by several people, or written in by one and removed by
    /// another. The text has what both have written.
    case text
    /// Characters of a text were given marks of one name and different values, or one and its
    /// removal: two addresses of a link, two colours.
    case mark
    /// The document was deleted while somebody edited it.
    case document
  }

  /// Names this conflict with exactly these sides: when another side joins, the name is another
  /// one, and nobody resolves what they have not seen.
  public let id: ConflictID
  public let kind: Kind
  /// Where it is in the document as it is now; empty for a document as a whole. An element or a
  /// node that is not there any more is where it would come back to.
  public let path: DocumentPath
  /// What was there when the sides parted, or the part of it that they have in common; nil when
  /// nothing was.
  public let base: JSONValue?
  /// At least two; the last one is what readers see, but for a `text`.
  public let sides: [ConflictSide]
  /// Of a `text`: where the passage stands in it now, in Unicode scalars. Of a `mark`: from the
  /// first to behind the last of the characters that have it; of those in between some may not.
  public let range: Range<Int>?
  /// Of a `mark`: its name.
  public let mark: String?

  /// What `base` is, with its type.
  package let baseContent: ConflictSide.Content?
  /// What removed the container of a `removal`, as the base shows it.
  package let removal: EventID?
  /// The element of a list that a `removal` is about.
  package let element: EventID?
  /// Of a `text`: what leads from it to the base.
  package let basePatches: [TextPatch]
  /// Of a `mark`: the characters that have it, ascending.
  package let marked: [MarkedStretch]
}

/// What one side of a conflict has done.
public struct ConflictSide: Hashable, Sendable {
  /// The change that did it; of several edits the latest.
  public let change: ChangeID
  /// By the wall clock of whoever did it.
  public let time: Timestamp
  /// What is there by the will of this side; nil when nothing is.
  public let value: JSONValue?
  /// Of a `position`: where in the list this side has put the element, if it alone had moved it.
  public let index: Int?
  /// Of a `position` in a tree: the tree or the node under which this side has put the node; nil
  /// when it has removed it, or what it has put it under is not shown.
  public let parent: DocumentPath?

  /// The operations that did it: what a resolution names.
  package let events: [EventID]
  package let content: Content?
  /// Of a `text`: what leads from it to what this side wanted, from the start on.
  package let patches: [TextPatch]

  package enum Content: Hashable, Sendable {
    case value(Value)
    case container(ContainerID)
    /// The document, edited.
    case document
    /// The node of a tree, with what stands under it.
    case node(EventID, of: ContainerID)
    /// A mark of characters of a text; null takes it away.
    case mark(Value, MarkExpansion)
  }
}

/// Names a conflict within its document.
public struct ConflictID: Hashable, Sendable, CustomStringConvertible {
  let bits: UInt64

  /// FNV-1a (Fowler, Noll and Vo) over who the sides are.
  init(
    _ kind: Conflict.Kind, _ document: DocumentID, _ path: DocumentPath, _ sides: [ConflictSide]
  ) {
    var bits: UInt64 = 0xCBF2_9CE4_8422_2325
    func take(_ byte: UInt8) { bits = (bits ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    func take(_ number: UInt64) {
      for place in 0..<8 { take(UInt8(truncatingIfNeeded: number >> UInt64(8 * place))) }
    }
    for byte in kind.rawValue.utf8 { take(byte) }
    for byte in document.bytes { take(byte) }
    for step in path.steps {
      switch step {
      case .key(let key): for byte in key.utf8 { take(byte) }
      // Where an element stands changes; which it is, its events tell.
      case .index: break
      }
      take(0xFF as UInt8)
    }
    for event in sides.flatMap(\.events) {
      for byte in event.change.origin.bytes { take(byte) }
      take(event.change.sequence)
      take(UInt64(event.index))
    }
    self.bits = bits
  }

  /// 16 hexadecimal digits.
  public init?(text: String) {
    guard text.utf8.count == 16, !text.hasPrefix("+"), let bits = UInt64(text, radix: 16) else {
      return nil
    }
    self.bits = bits
  }

  public var description: String {
    let digits = String(bits, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }
}

/// What a conflict is resolved to.
public enum ConflictChoice: Hashable, Sendable {
  /// The side of that number, from 0 on.
  case side(Int)
  /// What was there before.
  case base
  /// Something else.
  case value(JSONValue)
}
