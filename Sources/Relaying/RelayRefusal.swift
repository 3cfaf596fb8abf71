internal import Causality
internal import SyncProtocol

/// Why something that a client sent was not taken, and what that means for its link.
enum RelayRefusal: Error, Equatable {
  /// This origin's segments are not taken on this link any more; the others go on.
  case origin(Origin, Status.Code, String)
  /// There is no room. The link stays, so that the client can go on receiving.
  case full(String)
  /// The client broke a rule: the link is closed.
  case violation(String)
  /// The relay itself failed: the links of the workspace are closed, and clients try again.
  case failed(String)

  var status: Status {
    switch self {
    case .origin(let origin, let code, let sentence): Status(code, origin: origin, sentence)
    case .full(let sentence): Status(.full, sentence)
    case .violation(let sentence): Status(.refused, sentence)
    case .failed: Status(.internalFailure, "the relay cannot store at present; try again later")
    }
  }
}
