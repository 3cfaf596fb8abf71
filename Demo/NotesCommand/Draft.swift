import CommandKit
import Dispatch

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A text on its way through somebody's editor: a file in a folder of its own.
struct Draft: Sendable {
  private let folder: TemporaryFolder
  let path: String

  init(of text: String) throws {
    folder = try TemporaryFolder(prefix: "notes-draft")
    path = folder.path + "/note.md"
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    guard descriptor >= 0, Descriptor.write(Array(text.utf8), to: descriptor),
      close(descriptor) == 0
    else {
      throw CommandFailure(
        sentence: "'\(path)' cannot be written: \(String(cString: strerror(errno))).")
    }
  }

  /// Lets the person edit the text and gives what they saved.
  func edit() async throws -> String {
    let editor = Self.editor
    let status = await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        continuation.resume(returning: system("\(editor) '\(path)'"))
      }
    }
    guard status == 0 else {
      throw CommandFailure(
        sentence: "The editor '\(editor)' failed, and nothing was changed. VISUAL and EDITOR name "
          + "the editor to use; what was saved is in '\(path)'.")
    }
    return try read()
  }

  private static var editor: String {
    for name in ["VISUAL", "EDITOR"] {
      if let editor = ThisProcess.environment(name), !editor.isEmpty { return editor }
    }
    return "vi"
  }

  private func read() throws -> String {
    let descriptor = open(path, O_RDONLY)
    defer { if descriptor >= 0 { close(descriptor) } }
    var bytes: [UInt8] = []
    while descriptor >= 0, let more = Descriptor.read(descriptor, limit: 1 << 16) {
      if more.isEmpty {
        guard let text = String(validating: bytes, as: UTF8.self) else {
          throw CommandFailure(sentence: "What the editor saved in '\(path)' is not text in UTF-8.")
        }
        return text
      }
      bytes += more
    }
    throw CommandFailure(
      sentence: "'\(path)' cannot be read: \(String(cString: strerror(errno))).")
  }

  func remove() {
    folder.remove()
  }
}
