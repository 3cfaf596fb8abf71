internal import NIOSSL

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// Within which days a certificate counts, and whether that is now by this machine's
/// clock.
struct Validity {
  enum Verdict: Equatable {
    case isValid(until: String)
    case hasExpired(on: String)
    case hasNotBegun(until: String)
  }

  let verdict: Verdict

  /// Of a chain that of the first one, which is for the name: how the others lead to somebody who
  /// is trusted, if they do, is up to whoever looks.
  init(of chain: [NIOSSLCertificate]) {
    self.init(
      begins: chain.first?.notValidBefore ?? 0, ends: chain.first?.notValidAfter ?? 0,
      now: time(nil))
  }

  init(begins: time_t, ends: time_t, now: time_t) {
    if now > ends {
      verdict = .hasExpired(on: Self.day(ends))
    } else if now < begins {
      verdict = .hasNotBegun(until: Self.day(begins))
    } else {
      verdict = .isValid(until: Self.day(ends))
    }
  }

  var sentence: String {
    switch verdict {
    case .isValid(let day): "The certificate is valid until \(day)."
    case .hasExpired(let day): "The certificate expired on \(day): nobody will believe it."
    case .hasNotBegun(let day): "The certificate is not valid before \(day)."
    }
  }

  /// As in 2026-01-31, in UTC.
  static func day(_ seconds: time_t) -> String {
    var (seconds, parts) = (seconds, tm())
    guard gmtime_r(&seconds, &parts) != nil else { return "a day out of all reckoning" }
    func padded(_ number: Int32, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
    return padded(parts.tm_year &+ 1_900, 4) + "-" + padded(parts.tm_mon &+ 1, 2) + "-"
      + padded(parts.tm_mday, 2)
  }
}
