import CommandKit

/// The bugs that can be planted.
enum Sabotages {
  static func check(_ name: String) throws {
    throw CommandFailure(sentence: "there is no sabotage called '\(name)'")
  }

  static func plant(_ name: String?) throws {
    if let name { try check(name) }
  }
}
