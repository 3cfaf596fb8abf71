internal import Skerry

/// How long ago something was, in few letters.
enum Age {
  static func text(from past: Timestamp, to now: Timestamp) -> String {
    let minutes = max(0, now.milliseconds - past.milliseconds) / 60_000
    switch minutes {
    case 0: return "now"
    case ..<60: return "\(minutes)m"
    case ..<(24 * 60): return "\(minutes / 60)h"
    case ..<(14 * 24 * 60): return "\(minutes / (24 * 60))d"
    case ..<(365 * 24 * 60): return "\(minutes / (7 * 24 * 60))w"
    default: return "\(minutes / (365 * 24 * 60))y"
    }
  }
}
