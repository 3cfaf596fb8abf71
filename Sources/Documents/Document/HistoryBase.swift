package import Causality

/// What a folded history begins with: the document as it was at a version, and nothing of how it
/// came to be.
///
/// Everybody who will ever write has seen all that is folded: it is below the stable cut. So
/// nothing that comes later is concurrent with it, and for whatever looks into the history it is as
/// if one change had made, before anything else, all that was there at that version (the *root*).
/// What operations may name keeps its name: elements and places of lists, what registers hold,
/// nodes of trees, marks. Characters of texts have names that count from the beginning of the root,
/// the same on every replica that has folded the document at the same frontier.
package struct HistoryBase: Sendable {
  /// The changes that are folded.
  package let floor: VersionVector
  /// The document there, encoded.
  package let state: [UInt8]
  /// The changes at its frontier, sorted.
  package let frontier: [ChangeID]
  /// Whether the document was deleted there.
  let isDeleted: Bool

  /// Of the events of the root.
  let count: Int
  /// How many operations of the root are none of texts or of the order of lists.
  let otherCount: Int
  /// The change that the root is for those who ask who wrote something. No real one has its number.
  let root: ChangeID
  private let names: RootNames

  init(
    floor: VersionVector, state: [UInt8], frontier: [ChangeID], isDeleted: Bool, otherCount: Int,
    names: RootNames
  ) {
    self.isDeleted = isDeleted
    self.floor = floor
    self.state = state
    self.frontier = frontier
    self.otherCount = otherCount
    self.names = names
    count = names.count
    root = Self.root(at: frontier)
  }

  /// The last event of the root, which has no name of its own.
  var last: Int { count - 1 }

  func event(at version: Int) -> EventID {
    names.event(at: version)
      ?? EventID(change: root, index: UInt32(clamping: version))
  }

  /// - Parameter event: of a change that is folded, or of the root.
  func version(of event: EventID) -> Int? {
    guard event.change == root else { return names.version(of: event) }
    return Int(event.index) < count ? Int(event.index) : nil
  }

  func lamport(at version: Int) -> UInt64 { names.lamport(at: version) }

  /// Where the root stands for a change, as parents name it; nil when nobody who has seen all that
  /// is folded would name it.
  func lastVersion(of change: ChangeID) -> Int? {
    frontier.contains(change) ? last : nil
  }

  /// Whether the author of an edit with these parents had seen all that is folded: those of them
  /// that are folded are of the frontier, and if there are no others, they are all of it.
  package func isKnown(toAuthorWith parents: [ChangeID]) -> Bool {
    let folded = parents.filter(floor.contains)
    return folded.allSatisfy(frontier.contains)
      && (folded.count < parents.count || parents == frontier)
  }

  /// A number for the frontier that no other one has by accident: what it is taken for names only
  /// characters to those who keep cursors.
  private static func root(at frontier: [ChangeID]) -> ChangeID {
    var (high, low): (UInt64, UInt64) = (0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F)
    func mix(_ value: UInt64) {
      high = (high ^ value) &* 0xFF51_AFD7_ED55_8CCD
      low = (low &+ (high >> 29) ^ value) &* 0xC4CE_B9FE_1A85_EC53
      high ^= low >> 31
    }
    for change in frontier {
      mix(change.origin.high)
      mix(change.origin.low)
      mix(change.sequence)
    }
    return ChangeID(origin: Origin(high: high, low: low), sequence: 0)
  }
}

/// The names of the events of a root: those before and those behind the characters of texts.
struct RootNames: Sendable {
  /// By version; nil for what has none.
  private var first: ContiguousArray<(name: EventID, lamport: UInt64)?> = []
  private var textCount = 0
  private var marks: ContiguousArray<(name: EventID, lamport: UInt64)> = []
  private var versions: [EventID: Int] = [:]

  /// With the one at the end that stands for all others.
  var count: Int { first.count + textCount + marks.count + 1 }

  mutating func append(_ name: EventID, _ lamport: UInt64) {
    versions[name] = first.count
    first.append((name, lamport))
  }

  mutating func appendNameless(_ count: Int) {
    for _ in 0..<count { first.append(nil) }
  }

  /// No other than marks come after it.
  mutating func append(characters count: Int) { textCount += count }

  mutating func append(mark: EventID, _ lamport: UInt64) {
    marks.append((mark, lamport))
  }

  func event(at version: Int) -> EventID? { entry(at: version)?.name }
  func lamport(at version: Int) -> UInt64 { entry(at: version)?.lamport ?? 0 }
  func version(of event: EventID) -> Int? { versions[event] }

  private func entry(at version: Int) -> (name: EventID, lamport: UInt64)? {
    if version < first.count { return version < 0 ? nil : first[version] }
    let mark = version - first.count - textCount
    return marks.indices.contains(mark) ? marks[mark] : nil
  }
}
