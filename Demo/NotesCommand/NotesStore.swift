import ArgumentParser
import CommandKit
import JSONCoding
import NotesApp
import Skerry

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where the notes are, and how output is wanted.
struct NotesStore: ParsableArguments {
  @Option(
    help: "The file of the notes; by default NOTES_STORE, or notes.skerry in the data folder.",
    completion: .file())
  var store: String?

  @Flag(name: .customLong("json"), help: "Print JSON, one object a line.")
  var isJSON = false

  /// The path in force. Its folder need not exist.
  func path() throws -> String {
    if let store { return store }
    if let named = ThisProcess.environment("NOTES_STORE"), !named.isEmpty { return named }
    if let data = ThisProcess.environment("XDG_DATA_HOME"), data.hasPrefix("/") {
      return "\(data)/skerry/notes.skerry"
    }
    guard let home = ThisProcess.environment("HOME"), !home.isEmpty else {
      throw CommandFailure(
        sentence: "There is no home folder to keep notes in; name a file with --store.")
    }
    return "\(home)/.local/share/skerry/notes.skerry"
  }

  /// Opens the notes. Where something is written they are made when they are not there; where
  /// something is only read a file that was named must exist, or a misspelt name would look like
  /// no notes.
  func open(makingIt: Bool = false) async throws -> Replica {
    let path = try path()
    guard access(path, F_OK) != 0, store == nil || makingIt else {
      return try await Replica.open(at: path)
    }
    try NotesStore.makeFolder(of: path)
    do {
      return try await Replica.create(at: path, name: ThisProcess.hostName)
    } catch {
      guard error.code == .exists else { throw error }
      // Another process was faster.
      return try await Replica.open(at: path)
    }
  }

  func openLibrary(makingIt: Bool = false) async throws -> NoteLibrary {
    try await NoteLibrary(try await open(makingIt: makingIt), now: { Timestamp.now })
  }

  /// Opens, does something, closes.
  func withLibrary<Result>(
    makingIt: Bool = false, _ body: (NoteLibrary) async throws -> Result
  ) async throws -> Result {
    let library = try await openLibrary(makingIt: makingIt)
    do {
      let result = try await body(library)
      await library.replica.close()
      return result
    } catch {
      await library.replica.close()
      throw error
    }
  }

  /// Makes the folder that a file is to lie in, and those above it.
  static func makeFolder(of path: String) throws {
    var folder = ""
    for part in path.split(separator: "/", omittingEmptySubsequences: false).dropLast() {
      folder += part + "/"
      if access(folder, F_OK) != 0, mkdir(folder, 0o700) != 0, errno != EEXIST {
        throw CommandFailure(
          sentence: "The folder '\(folder)' cannot be made: \(String(cString: strerror(errno))).")
      }
    }
  }

  /// Does one edit to the note that `part` of an id names and prints the id.
  func edit(
    _ part: String, _ edit: @Sendable (DocumentID) -> NoteLibrary.Edit
  ) async throws {
    let id = try await withLibrary { library in
      try await library.perform(edit(try await library.id(matching: part)))
    }
    try answer(id)
  }

  func answer(_ id: DocumentID) throws {
    if isJSON {
      try StandardOutput.write(["id": .string(id.description)])
    } else {
      try StandardOutput.write(line: id.description)
    }
  }
}

/// A text given on the command line, or `-` for standard input.
enum BodyArgument {
  static func read(_ text: String) throws -> String {
    guard text == "-" else { return text }
    let bytes = try StandardInput.readToEnd()
    guard let body = String(validating: bytes, as: UTF8.self) else {
      throw CommandFailure(sentence: "Standard input is not text in UTF-8.")
    }
    return body
  }
}

extension String {
  /// For one line of a terminal: nothing in it can steer the terminal or end the line.
  var onOneLine: String {
    var text = ""
    for scalar in unicodeScalars {
      let isControl = scalar.properties.generalCategory == .control
      let isLineEnd = scalar == "\u{2028}" || scalar == "\u{2029}"
      text.unicodeScalars.append(isLineEnd ? " " : isControl ? "\u{FFFD}" : scalar)
    }
    return text
  }
}
