/// A moment for people: milliseconds since the start of 1970 in UTC, between the years 0 and 9999.
///
/// Wall time decides nothing; it is shown. A clock that stands in 1970 or in the year 9999 is as
/// good as any other.
public struct Timestamp: Hashable, Comparable, Sendable {
  /// 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: what RFC 3339 can write.
  public static let millisecondsRange: ClosedRange<Int64> =
    -62_167_219_200_000...253_402_300_799_999

  /// The start of 1970.
  public static let epoch = Timestamp(clampingMilliseconds: 0)

  public let milliseconds: Int64

  /// Nil outside the years that RFC 3339 can write.
  public init?(milliseconds: Int64) {
    guard Timestamp.millisecondsRange.contains(milliseconds) else { return nil }
    self.milliseconds = milliseconds
  }

  /// The nearest moment that can be written.
  public init(clampingMilliseconds milliseconds: Int64) {
    let range = Timestamp.millisecondsRange
    self.milliseconds = min(max(milliseconds, range.lowerBound), range.upperBound)
  }

  public static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.milliseconds < right.milliseconds
  }
}

extension Timestamp: CustomStringConvertible {
  /// RFC 3339 in UTC with milliseconds: `2026-11-22T18:55:00.123Z`.
  public var text: String {
    let (days, inDay) = milliseconds.flooringQuotientAndRemainder(dividingBy: 86_400_000)
    let date = CivilDate(daysSince1970: days)
    let seconds = inDay / 1000
    return Timestamp.digits(date.year, 4) + "-" + Timestamp.digits(date.month, 2) + "-"
      + Timestamp.digits(date.day, 2) + "T" + Timestamp.digits(seconds / 3600, 2) + ":"
      + Timestamp.digits(seconds / 60 % 60, 2) + ":" + Timestamp.digits(seconds % 60, 2) + "."
      + Timestamp.digits(inDay % 1000, 3) + "Z"
  }

  public var description: String { text }

  private static func digits(_ number: Int64, _ width: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
  }

  /// Reads RFC 3339, any offset; what is finer than a millisecond is cut off. Nil for anything
  /// else, also for a leap second and for days that no month has.
  public init?(text: some StringProtocol) {
    var scanner = DigitScanner(Array(text.utf8))
    guard let year = scanner.number(4), scanner.take("-"), let month = scanner.number(2),
      scanner.take("-"), let day = scanner.number(2), scanner.take("T") || scanner.take("t"),
      let hour = scanner.number(2), hour < 24, scanner.take(":"),
      let minute = scanner.number(2), minute < 60, scanner.take(":"),
      let second = scanner.number(2), second < 60,
      let fraction = scanner.milliseconds(), let offset = scanner.offsetMinutes(),
      scanner.isAtEnd, let date = CivilDate(year: year, month: month, day: day)
    else { return nil }
    let minutes = date.daysSince1970 * 1440 + hour * 60 + minute - offset
    self.init(milliseconds: (minutes * 60 + second) * 1000 + fraction)
  }
}

/// A day of the proleptic Gregorian calendar.
private struct CivilDate {
  var year: Int64
  var month: Int64
  var day: Int64

  private static let daysBeforeMonth: [Int64] = [
    0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365,
  ]

  private static func isLeap(_ year: Int64) -> Bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
  }

  /// Days from the start of the year 0 to the start of `year`, which is not negative.
  private static func days(beforeYear year: Int64) -> Int64 {
    guard year > 0 else { return 0 }
    let last = year - 1
    return year * 365 + last / 4 - last / 100 + last / 400 + 1
  }

  private static let daysBefore1970 = days(beforeYear: 1970)

  private static func days(beforeMonth month: Int64, of year: Int64) -> Int64 {
    daysBeforeMonth[Int(month - 1)] + (month > 2 && isLeap(year) ? 1 : 0)
  }

  init?(year: Int64, month: Int64, day: Int64) {
    guard 1...12 ~= month, day >= 1 else { return nil }
    let length =
      month == 12
      ? 31
      : CivilDate.days(beforeMonth: month + 1, of: year)
        - CivilDate.days(beforeMonth: month, of: year)
    guard day <= length else { return nil }
    (self.year, self.month, self.day) = (year, month, day)
  }

  init(daysSince1970: Int64) {
    let days = daysSince1970 + CivilDate.daysBefore1970
    // The mean year is 365.2425 days: the estimate is off by one at most.
    var year = days * 10_000 / 3_652_425
    while CivilDate.days(beforeYear: year + 1) <= days { year += 1 }
    while CivilDate.days(beforeYear: year) > days { year -= 1 }
    let inYear = days - CivilDate.days(beforeYear: year)
    var month: Int64 = 12
    while CivilDate.days(beforeMonth: month, of: year) > inYear { month -= 1 }
    self.year = year
    self.month = month
    day = inYear - CivilDate.days(beforeMonth: month, of: year) + 1
  }

  var daysSince1970: Int64 {
    CivilDate.days(beforeYear: year) + CivilDate.days(beforeMonth: month, of: year) + day - 1
      - CivilDate.daysBefore1970
  }
}

private struct DigitScanner {
  let bytes: [UInt8]
  var offset = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { offset == bytes.count }

  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  private mutating func digit() -> Int64? {
    guard offset < bytes.count, 0x30...0x39 ~= bytes[offset] else { return nil }
    offset += 1
    return Int64(bytes[offset - 1] - 0x30)
  }

  mutating func number(_ width: Int) -> Int64? {
    var value: Int64 = 0
    for _ in 0..<width {
      guard let digit = digit() else { return nil }
      value = value * 10 + digit
    }
    return value
  }

  mutating func milliseconds() -> Int64? {
    guard take(".") else { return 0 }
    guard var value = digit() else { return nil }
    var width = 1
    while let next = digit() {
      if width < 3 { value = value * 10 + next }
      width += 1
    }
    while width < 3 {
      value *= 10
      width += 1
    }
    return value
  }

  mutating func offsetMinutes() -> Int64? {
    if take("Z") || take("z") { return 0 }
    let isEast = take("+")
    guard isEast || take("-"), let hours = number(2), hours < 24, take(":"),
      let minutes = number(2), minutes < 60
    else { return nil }
    return (isEast ? 1 : -1) * (hours * 60 + minutes)
  }
}

extension Int64 {
  fileprivate func flooringQuotientAndRemainder(
    dividingBy divisor: Int64
  ) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
