#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#else
  private import Darwin
#endif

/// A process that uses a store, as it names itself to the others that do.
struct LiveProcess: Hashable {
  let number: Int32
  /// Tells the process from others that have the same number after it; nil where that cannot be
  /// found out.
  let life: String?
  /// The file that it uses: what was copied along with a store is not about the copy.
  let placement: [UInt8]

  /// This process and the file at a path; nil when that file is gone.
  static func current(_ path: String) -> LiveProcess? {
    Placement.token(of: path).map {
      LiveProcess(number: getpid(), life: ProcessLife.token(of: getpid()), placement: $0)
    }
  }

  /// Under which it tells something.
  var name: String { "\(number)" }

  /// Whether the process is alive and uses this file.
  func counts(at placement: [UInt8]) -> Bool {
    guard self.placement == placement else { return false }
    guard kill(number, 0) == 0 || errno == EPERM else { return false }
    guard let life, let found = ProcessLife.token(of: number) else { return true }
    return life == found
  }
}

extension LiveProcess {
  var json: JSONObject {
    [
      "process": .integer(Int64(number)), "life": life.map { .string($0) } ?? .null,
      "placement": .string(String(decoding: placement, as: UTF8.self)),
    ]
  }

  /// Whoever has told these bytes.
  init?(_ bytes: [UInt8]) {
    guard let json = (try? JSONValue(parsing: bytes))?.objectValue else { return nil }
    self.init(json)
  }

  init?(_ json: JSONObject) {
    guard case .integer(let number)? = json["process"], let number = Int32(exactly: number),
      let placement = json["placement"]?.stringValue
    else { return nil }
    self.init(
      number: number, life: json["life"]?.stringValue, placement: Array(placement.utf8))
  }
}
