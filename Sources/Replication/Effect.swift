package import Documents
import SyncProtocol

/// A live stream of bytes, named by whoever opened it and never named twice.
package struct LinkID: Hashable, Comparable, Sendable {
  package let rawValue: UInt64

  package init(_ rawValue: UInt64) {
    self.rawValue = rawValue
  }

  package static func < (left: LinkID, right: LinkID) -> Bool { left.rawValue < right.rawValue }
}

/// An attempt to reach an address, named by the engine.
package struct DialID: Hashable, Comparable, Sendable {
  package let rawValue: UInt64

  package init(_ rawValue: UInt64) {
    self.rawValue = rawValue
  }

  package static func < (left: DialID, right: DialID) -> Bool { left.rawValue < right.rawValue }
}

/// When something happens: by a clock that never jumps, which decides, and by the wall's, which is
/// shown.
package struct EngineInstant: Sendable {
  /// Milliseconds since any fixed moment.
  package var monotonic: UInt64
  package var wall: Timestamp

  package init(monotonic: UInt64, wall: Timestamp) {
    self.monotonic = monotonic
    self.wall = wall
  }
}

package enum EngineLogLevel: Sendable {
  case info, warning, error
}

/// What the owner of an engine has to do, in the order of the list.
package enum Effect: Sendable {
  /// Give these bytes to the stream.
  case send(LinkID, [UInt8])
  /// The figures of a link that is about to be closed, or that was.
  case ended(LinkID, LinkFigures)
  /// Let leave what was sent, then close the stream. The engine has forgotten the link; nil means
  /// in good order.
  case close(LinkID, LinkFailure?)
  /// Reach this address; answer with `dialled` or `dialFailed`.
  case dial(DialID, address: String)
  /// Both sides have all of each other, or no longer.
  case level(LinkID, Bool)
  /// Peers or other processes changed documents; not all are listed when it is not complete.
  case changed([DocumentID], isComplete: Bool)
  case membershipChanged
  /// Others show something else of this moment, or no more.
  case presenceChanged
  /// This device has just become a member.
  case admitted
  /// The peer says that something is not as it should be. The link may live on.
  case reported(LinkID, LinkFailure)
  /// For people.
  case log(EngineLogLevel, String)
}

/// Why a link ended, or what a peer complains about.
package struct LinkFailure: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Code: Sendable {
    /// Not a member, another workspace, an invitation that was used or has expired.
    case notPermitted
    /// The request to join waits for the device that issued the invitation.
    case pending
    case unreachable
    case silent
    /// The peer broke the rules, or speaks another version.
    case protocolError
    /// A segment or a record was refused.
    case refused
    /// The two sides hold different changes under one name: one of them is a copy, or a backup that
    /// was put back. The origin is left out on the link.
    case forked
    /// A disk failed, here or there.
    case storage
    /// A quota is used up.
    case full
    /// The peer is about to stop, or asks to come later.
    case busy
  }

  package let code: Code
  package let sentence: String

  package init(_ code: Code, _ sentence: String) {
    self.code = code
    self.sentence = sentence
  }

  package var description: String { sentence }

  init(_ status: Status) {
    let code: Code =
      switch status.code {
      case .notAMember, .joinRefused: .notPermitted
      case .joinPending: .pending
      case .forked, .refused, .invalidRecord, .historyGone: .refused
      case .full: .full
      case .internalFailure: .storage
      case .busy, .shuttingDown: .busy
      default: .protocolError
      }
    self.init(code, status.sentence)
  }

  /// Nil for an ending in good order.
  init?(_ ending: LinkEnding) {
    let code: Code
    switch ending {
    case .session(.left), .session(.peerLeft): return nil
    case .session(.silent), .handshakeTimedOut: code = .silent
    case .session(.notAdmitted), .handshakeFailed: code = .notPermitted
    case .session, .notSkerry, .malformedFrame, .streamBroken, .flooded: code = .protocolError
    case .refused(let status):
      self.init(status)
      return
    }
    self.init(code, ending.description)
  }
}
