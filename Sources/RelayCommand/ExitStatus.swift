import ArgumentParser
import RelayService
import Relaying

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension RelayProgram {
  /// What parsing stopped at: help and version go to standard output, mistakes to standard error.
  static func report(parsing error: any Error) -> Int32 {
    let text = fullMessage(for: error)
    guard exitCode(for: error) != .success else {
      StandardStream.output.write(text + "\n")
      return 0
    }
    StandardStream.error.write(text + "\n")
    return 2
  }

  /// Says what went wrong in one sentence.
  static func report(_ error: any Error) -> Int32 {
    // Help for a subcommand is thrown by running it.
    guard exitCode(for: error) != .success else { return report(parsing: error) }
    switch error {
    case let code as ExitCode: return code.rawValue
    case let usage as RelayUsageError: return report(parsing: ValidationError(usage.sentence))
    case let usage as ValidationError: return report(parsing: usage)
    case is CleanExit: return report(parsing: error)
    case let failure as RelayError:
      StandardStream.error.write("skerry-relay: \(failure.sentence)\n")
      switch failure.code {
      case .damaged, .tooNew: return 3
      case .notPermitted: return 4
      case .inputOutput, .inUse, .cannotListen: return 1
      }
    default:
      StandardStream.error.write("skerry-relay: \(error)\n")
      return 1
    }
  }
}

func leave(_ status: Int32) -> Never {
  exit(status)
}

/// Where a program's words go.
enum StandardStream: Int32 {
  case output = 1
  case error = 2

  /// Writes at once; what cannot be written is lost.
  func write(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { bytes in
        #if canImport(Glibc)
          Glibc.write(rawValue, bytes.baseAddress, bytes.count)
        #else
          Darwin.write(rawValue, bytes.baseAddress, bytes.count)
        #endif
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}
