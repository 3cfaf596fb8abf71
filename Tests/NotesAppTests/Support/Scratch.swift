import Foundation
import NotesApp
import Skerry

/// A folder for one test, gone afterwards.
final class Scratch {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "notes-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  var folder: String { url.path }

  func path(_ name: String) -> String { url.appending(path: name).path }

  func library(_ name: String) async throws -> NoteLibrary {
    try await NoteLibrary(
      try await Replica.create(at: path(name), name: name), now: { Self.time })
  }

  static let time = Timestamp(clampingMilliseconds: 1_795_000_000_000)
}
