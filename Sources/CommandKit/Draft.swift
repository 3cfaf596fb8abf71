private import Dispatch

#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#else
  private import Darwin
#endif

/// A text on its way through somebody's editor: a file in a folder of its own.
package struct Draft: Sendable {
  private let folder: TemporaryFolder
  private let text: String
  package let path: String

  /// - Parameters:
  ///   - name: the file's name; editors go by its ending.
  ///   - program: whose draft it is.
  package init(of text: String, named name: String, by program: String) throws {
    self.text = text
    folder = try TemporaryFolder(prefix: "\(program)-draft")
    path = folder.path + "/" + name
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    guard descriptor >= 0, Descriptor.write(Array(text.utf8), to: descriptor),
      close(descriptor) == 0
    else {
      throw CommandFailure(
        sentence: "'\(path)' cannot be written: \(String(cString: strerror(errno))).")
    }
  }

  /// Lets the person edit the text and gives what they saved.
  ///
  /// - Throws: when the editor fails. The file is kept then if it holds anything new, and the
  ///   sentence says where it is.
  package func edit() async throws -> String {
    let editor = Self.editor
    let quoted = path.split(separator: "'", omittingEmptySubsequences: false)
      .joined(separator: #"'\''"#)
    let status = await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        continuation.resume(returning: system("\(editor) '\(quoted)'"))
      }
    }
    if status == 0 { return try FileText.read(path) }
    let failure =
      "The editor '\(editor)' failed, and nothing was changed. VISUAL and EDITOR name the editor "
      + "to use"
    if let saved = try? FileText.read(path), saved.utf8.elementsEqual(text.utf8) {
      remove()
      throw CommandFailure(sentence: "\(failure).")
    }
    throw CommandFailure(sentence: "\(failure); what was saved is in '\(path)'.")
  }

  private static var editor: String {
    for name in ["VISUAL", "EDITOR"] {
      if let editor = ThisProcess.environment(name), !editor.isEmpty { return editor }
    }
    return "vi"
  }

  package func remove() {
    folder.remove()
  }
}
