#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A moment, to the millisecond.
extension Date: DocumentScalar {
  public init?(documentValue: Value) {
    guard let moment = Timestamp(documentValue: documentValue) else { return nil }
    self.init(timeIntervalSince1970: Double(moment.milliseconds) / 1000)
  }

  /// Nil outside the years 0 to 9999.
  public var documentValue: Value? {
    Int64(exactly: (timeIntervalSince1970 * 1000).rounded())
      .flatMap { Timestamp(milliseconds: $0) }.map { .timestamp($0) }
  }
}

extension Data: DocumentScalar {
  public init?(documentValue: Value) {
    guard let bytes = [UInt8](documentValue: documentValue) else { return nil }
    self.init(bytes)
  }

  public var documentValue: Value? { .bytes(Array(self)) }
}

/// Its text.
extension URL: DocumentScalar {
  public init?(documentValue: Value) {
    guard let text = String(documentValue: documentValue) else { return nil }
    self.init(string: text)
  }

  public var documentValue: Value? { .string(absoluteString) }
}
