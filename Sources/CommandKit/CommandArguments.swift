public import ArgumentParser
package import JSONCoding
public import Skerry

package struct OutputOptions: ParsableArguments {
  @Flag(name: .customLong("json"), help: "Print JSON, one object a line.")
  package var isJSON = false

  package init() {}
}

/// For commands that dial.
package struct TrustOption: ParsableArguments {
  @Option(
    name: .customLong("trust"),
    help: "Certificates (PEM) to believe at wss:// addresses besides the system's.",
    completion: .file(), transform: CommandArgument.certificates)
  package var certificates: String?

  package init() {}
}

/// Reads what command lines spell, with a sentence for what cannot be read.
package enum CommandArgument {
  /// A version as it is printed: `v1:` and base64url.
  @Sendable package static func version(_ text: String) throws -> VersionVector {
    do {
      return try VersionVector(text: text)
    } catch {
      throw ValidationError(
        "'\(text.prefix(60))' is not a version: \(error). A version is what 'skerry info' prints, "
          + "'v1:' and letters.")
    }
  }

  @Sendable package static func address(_ text: String) throws -> Address {
    do {
      return try Address(text)
    } catch {
      throw ValidationError(error.description)
    }
  }

  /// An invitation code that is complete; whether it still works is found out later.
  @Sendable package static func invitation(_ text: String) throws -> String {
    do {
      try Replica.check(invitation: text)
      return text
    } catch {
      throw ValidationError(error.description)
    }
  }

  /// `HOST:PORT`, where the port may be 0.
  @Sendable package static func endpoint(_ text: String) throws -> String {
    do {
      try ServeConfiguration.check(listen: text)
      return text
    } catch {
      throw ValidationError(error.description)
    }
  }

  @Sendable package static func json(_ text: String) throws -> JSONValue {
    do {
      return try JSONValue(parsing: text)
    } catch {
      throw ValidationError("'\(text.prefix(60))' is not JSON: \(error).")
    }
  }

  /// The path of a file of certificates, which is read.
  @Sendable package static func certificates(_ file: String) throws -> String {
    do {
      try Replica.check(certificates: file)
      return file
    } catch {
      throw ValidationError(error.description)
    }
  }

  @Sendable package static func path(_ text: String) throws -> [PathStep] {
    DocumentPath(text: text).steps
  }

  /// A whole number and a unit: `90s`, `15m`, `1h`, `7d`, `2w`.
  @Sendable package static func duration(_ text: String) throws -> Duration {
    let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800]
    guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()),
      (1...1_000_000_000).contains(count), count * unit <= 3_660 * 86_400
    else {
      throw ValidationError(
        "'\(text.prefix(60))' is not a time such as 90s, 15m, 1h or 7d, of at most ten years.")
    }
    return .seconds(count * unit)
  }
}

extension DocumentID: ExpressibleByArgument {
  public init?(argument: String) {
    self.init(hexadecimal: argument)
  }
}

extension Role: ExpressibleByArgument {}
extension Topology: ExpressibleByArgument, EnumerableFlag {}
