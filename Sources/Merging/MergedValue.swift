public import JSONCoding

/// How JSON values are merged.
public struct ValueMergeOptions: Hashable, Sendable {
  /// What stands in a merged value where the two sides are in conflict.
  public enum Choice: String, Hashable, Sendable, CaseIterable {
    case ours
    case theirs
    case base
  }

  public var choice: Choice
  /// Whether strings that both sides changed are merged as texts are. Else each is one value.
  public var mergesStrings: Bool

  public init(choice: Choice = .ours, mergesStrings: Bool = false) {
    self.choice = choice
    self.mergesStrings = mergesStrings
  }
}

/// One step into a JSON value.
public enum ValueStep: Hashable, Sendable {
  case key(String)
  case index(Int)
}

/// One place of a value that both sides changed, differently; nil is a side that has nothing there.
public struct ValueConflict: Hashable, Sendable {
  /// Where it is in the merged value, or would be when the choice left nothing there.
  public let path: [ValueStep]
  public let base: JSONValue?
  public let ours: JSONValue?
  public let theirs: JSONValue?
}

/// Two JSON values, merged.
public struct MergedValue: Hashable, Sendable {
  public let value: JSONValue
  /// In the order of the value.
  public let conflicts: [ValueConflict]

  init(base: JSONValue, ours: JSONValue, theirs: JSONValue, options: ValueMergeOptions) {
    var merger = ValueMerger(options: options)
    // A value that is there on both sides is there in the result.
    value = merger.merge(base, ours, theirs) ?? .null
    conflicts = merger.conflicts
  }
}
