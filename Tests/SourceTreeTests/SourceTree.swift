import Foundation

/// The Swift files of this package as text, found from where this file stands.
struct SourceTree {
  struct File {
    /// The path from the top of the package.
    var path: String
    /// The target: the folder below `Sources`, `Demo`, `Simulations` or `Tests`.
    var target: String
    var lines: [Substring]
  }

  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Every Swift file below one of the top folders, sorted by path.
  static func files(in folders: [String]) -> [File] {
    folders.flatMap { folder -> [File] in
      let top = root.appending(path: folder)
      let found = FileManager.default.enumerator(at: top, includingPropertiesForKeys: nil)
      let urls = (found?.allObjects ?? []).compactMap { $0 as? URL }
      return urls.filter { $0.pathExtension == "swift" }.compactMap { url in
        guard let text = try? String(contentsOf: url, encoding: .utf8) else { return nil }
        let inside = url.path.dropFirst(top.path.count + 1)
        return File(
          path: "\(folder)/\(inside)",
          target: String(inside.prefix { $0 != "/" }),
          lines: text.split(separator: "\n", omittingEmptySubsequences: false))
      }
    }.sorted { $0.path < $1.path }
  }

  static var sources: [File] { files(in: ["Sources", "Demo", "Simulations"]) }
}

extension SourceTree.File {
  /// The module that each import line names, with the line's number.
  var imports: [(module: String, line: Int)] {
    lines.enumerated().compactMap { index, line in
      let words = line.split(separator: " ")
      guard let keyword = words.firstIndex(of: "import"), keyword <= 2,
        words[..<keyword].allSatisfy({ isImportModifier($0) }), keyword + 1 < words.count
      else { return nil }
      let name = words[keyword + 1]
      let kinds = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
      let target = kinds.contains(String(name)) ? words.dropFirst(keyword + 2).first ?? "" : name
      return (String(target.prefix { $0 != "." }), index + 1)
    }
  }

  private func isImportModifier(_ word: Substring) -> Bool {
    ["public", "package", "internal", "private", "fileprivate"].contains(String(word))
      || word.hasPrefix("@")
  }

  /// The lines without their comments and texts, for looking up words in code.
  var code: [(text: Substring, line: Int)] {
    lines.enumerated().compactMap { index, line in
      let trimmed = line.drop { $0 == " " }
      guard !trimmed.hasPrefix("//") else { return nil }
      return (line, index + 1)
    }
  }
}
