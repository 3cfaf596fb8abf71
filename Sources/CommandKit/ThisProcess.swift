private import Dispatch
private import Synchronization

#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#else
  private import Darwin
#endif

/// What this process asks of the operating system.
package enum ThisProcess {
  package static func leave(_ status: Int32) -> Never {
    exit(status)
  }

  /// A reader that goes away shows as a failed write instead of ending the process.
  package static func ignoreBrokenPipes() {
    signal(SIGPIPE, SIG_IGN)
  }

  package static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  /// This machine's name, for a store that was given none.
  package static var hostName: String {
    var bytes = [UInt8](repeating: 0, count: 256)
    let status = bytes.withUnsafeMutableBytes { buffer in
      buffer.withMemoryRebound(to: CChar.self) { gethostname($0.baseAddress!, $0.count - 1) }
    }
    let name = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    return status == 0 && !name.isEmpty ? name : "replica"
  }

  /// Runs `body`, which ends early with `CancellationError` or in good order when SIGTERM or SIGINT
  /// asks this process to.
  package static func untilAskedToStop(_ body: @escaping @Sendable () async throws -> Void)
    async throws
  {
    let work = Task { try await body() }
    let sources = [SIGTERM, SIGINT].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { work.cancel() }
      source.resume()
      return source
    }
    defer { for source in sources { source.cancel() } }
    do {
      try await work.value
    } catch is CancellationError {
      return
    }
  }
}
