import JSONCoding

/// Walks through three values at once and lists the conflicts on its way. A value that is nil is
/// not there.
struct ValueMerger {
  let options: ValueMergeOptions
  var conflicts: [ValueConflict] = []
  /// Where the walk is.
  var path: [ValueStep] = []

  init(options: ValueMergeOptions) {
    self.options = options
  }

  mutating func merge(
    _ base: JSONValue?, _ ours: JSONValue?, _ theirs: JSONValue?
  ) -> JSONValue? {
    if ours == theirs || theirs == base { return ours }
    if ours == base { return theirs }
    switch (ours, theirs) {
    case (.object(let ours), .object(let theirs)):
      if let tree = mergeTrees(base, .object(ours), .object(theirs)) { return tree }
      return .object(mergeObjects(base?.objectValue ?? [:], ours, theirs))
    case (.array(let ours), .array(let theirs)):
      return .array(mergeArrays(base?.arrayValue ?? [], ours, theirs))
    case (.string(let ours), .string(let theirs)) where options.mergesStrings:
      return .string(mergeStrings(base?.stringValue ?? "", ours, theirs))
    default:
      conflicts.append(ValueConflict(path: path, base: base, ours: ours, theirs: theirs))
      return chosen(base, ours, theirs)
    }
  }

  private func chosen<Side>(_ base: Side, _ ours: Side, _ theirs: Side) -> Side {
    switch options.choice {
    case .ours: ours
    case .theirs: theirs
    case .base: base
    }
  }

  private mutating func mergeStrings(_ base: String, _ ours: String, _ theirs: String) -> String {
    let merged = MergedText(base: base, ours: ours, theirs: theirs)
    guard !merged.conflicts.isEmpty else { return merged.text() }
    conflicts.append(
      ValueConflict(
        path: path, base: .string(base), ours: .string(ours), theirs: .string(theirs)))
    switch options.choice {
    case .ours: return merged.text(.ours)
    case .theirs: return merged.text(.theirs)
    case .base: return base
    }
  }

  /// The members of ours in their order, then those that only theirs has.
  private mutating func mergeObjects(
    _ base: JSONObject, _ ours: JSONObject, _ theirs: JSONObject
  ) -> JSONObject {
    let inBase = Members(base)
    let inOurs = Members(ours)
    let inTheirs = Members(theirs)
    var result: [JSONObject.Member] = []
    func others(_ object: JSONObject, notIn known: Members) -> [String] {
      object.members.map(\.key).filter { known[$0] == nil }
    }
    // What only the base has was deleted by both.
    for key in ours.members.map(\.key) + others(theirs, notIn: inOurs) {
      path.append(.key(key))
      if let value = merge(inBase[key], inOurs[key], inTheirs[key]) {
        result.append(JSONObject.Member(key: key, value: value))
      }
      path.removeLast()
    }
    return JSONObject(uniqueMembers: result)
  }

  /// An object, to look up many keys in.
  private struct Members {
    private let places: [String: JSONValue]

    init(_ object: JSONObject) {
      places = Dictionary(
        object.members.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    subscript(key: String) -> JSONValue? { places[key] }
  }
}

extension ValueMerger {
  /// Something that one side has between two elements of the base that stayed in their order.
  private enum Arrival: Equatable {
    case new(JSONValue)
    /// The element of the base with this index, from elsewhere.
    case moved(Int)
  }

  mutating func mergeArrays(
    _ base: [JSONValue], _ ours: [JSONValue], _ theirs: [JSONValue]
  ) -> [JSONValue] {
    let left = ArrayAlignment(from: base, to: ours)
    let right = ArrayAlignment(from: base, to: theirs)
    let leftArrivals = Self.arrivals(left, base.count, ours) { _ in false }
    // An element that both moved is where we moved it to.
    let rightArrivals = Self.arrivals(right, base.count, theirs) { left.isMoved[$0] }
    var result: [JSONValue] = []
    func element(_ index: Int, _ merger: inout ValueMerger) {
      merger.path.append(.index(result.count))
      let value = merger.merge(
        base[index], left.places[index].map { ours[$0] }, right.places[index].map { theirs[$0] })
      merger.path.removeLast()
      if let value { result.append(value) }
    }
    for gap in 0...base.count {
      for arrival in Self.together(leftArrivals[gap], rightArrivals[gap]) {
        switch arrival {
        case .new(let value): result.append(value)
        case .moved(let index): element(index, &self)
        }
      }
      if gap < base.count, !left.isMoved[gap], !right.isMoved[gap] { element(gap, &self) }
    }
    return result
  }

  /// What arrived before each element of the base, and at the end.
  private static func arrivals(
    _ alignment: ArrayAlignment, _ count: Int, _ side: [JSONValue], except: (Int) -> Bool
  ) -> [[Arrival]] {
    var arrivals: [[Arrival]] = Array(repeating: [], count: count + 1)
    var gap = 0
    for (place, value) in side.enumerated() {
      guard let index = alignment.origins[place] else {
        arrivals[gap].append(.new(value))
        continue
      }
      if !alignment.isMoved[index] {
        gap = index + 1
      } else if !except(index) {
        arrivals[gap].append(.moved(index))
      }
    }
    return arrivals
  }

  /// When one side has what the other has and more, the longer one is what both want.
  private static func together(_ ours: [Arrival], _ theirs: [Arrival]) -> [Arrival] {
    func contains(_ long: [Arrival], _ short: [Arrival]) -> Bool {
      long.starts(with: short) || long.suffix(short.count) == short[...]
    }
    if ours.count >= theirs.count, contains(ours, theirs) { return ours }
    return contains(theirs, ours) ? theirs : ours + theirs
  }
}
