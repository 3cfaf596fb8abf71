/// A promise that did not hold: which, when, and what was seen.
package struct Violation: Equatable, Sendable {
  /// `P1` to `P15`, as the design numbers them.
  package var promise: String
  package var atMilliseconds: Int
  package var what: String

  init(_ promise: String, at time: Int, _ what: String) {
    self.promise = promise
    atMilliseconds = time
    self.what = what
  }
}
