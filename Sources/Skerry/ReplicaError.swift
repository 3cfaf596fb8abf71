/// Why a call of this module failed: a code to decide by and one sentence that says what is wrong
/// and what to do.
public struct ReplicaError: Error, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// A file is there already where a store was to be made.
    case exists
    /// There is no store at the path.
    case missing
    /// The file is something else.
    case notAStore
    /// The store was written by a newer version.
    case tooNew
    /// The store's bytes are not what they should be.
    case damaged
    /// A key, a membership or a signature does not allow it.
    case notPermitted
    /// The invitation code is not one, or is used or expired.
    case invitation
    /// Something handed in cannot be understood.
    case invalid
    /// An edit or a read names a document or a place that is not there or does not fit.
    case refused
    /// The other end cannot be reached, or went away.
    case unreachable
    /// What was waited for has not come in time.
    case late
    /// The disk or the operating system failed.
    case io
    /// The replica was closed.
    case closed
  }

  public let code: Code
  public let description: String

  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }

  /// How a command that fails for this reason ends: 3 for a store that is damaged or too new, 4
  /// for what is not permitted, else 1.
  public var exitStatus: Int32 {
    switch code {
    case .notAStore, .tooNew, .damaged: 3
    case .notPermitted, .invitation: 4
    case .exists, .missing, .invalid, .refused, .unreachable, .late, .io, .closed: 1
    }
  }
}

extension ReplicaError: Equatable {
  /// Equal by code: the sentence is for people.
  public static func == (left: ReplicaError, right: ReplicaError) -> Bool {
    left.code == right.code
  }
}
