/// Finds out which new files of an exported folder are old ones under another path: those with the
/// same content first, then the most alike.
struct RenamedFiles {
  /// Two texts of which less than this part is in common, by whole lines, are different files.
  private static let likenessMin = 0.6
  /// Beyond this many pairs only files with the same content are found.
  private static let comparedPairsMax = 10_000

  /// For each new path the entry that it had.
  private(set) var origins: [String: ExportRecord.Entry] = [:]

  /// - Parameters:
  ///   - gone: entries whose files are no longer there, in order.
  ///   - fresh: files that the record does not know, in order.
  ///   - base: the text of an entry as it was exported; nil when that cannot be had.
  init(
    gone: [ExportRecord.Entry], fresh: [TextFile],
    base: (ExportRecord.Entry) throws(ReplicaError) -> String?
  ) throws(ReplicaError) {
    let freshDigests = fresh.map { ExportRecord.digest(of: $0.text) }
    var left: [ExportRecord.Entry] = []
    for entry in gone {
      let found = fresh.indices.first {
        freshDigests[$0] == entry.digest && origins[fresh[$0].path] == nil
      }
      if let found {
        origins[fresh[found].path] = entry
      } else {
        left.append(entry)
      }
    }
    let files = fresh.filter { origins[$0.path] == nil }
    guard !files.isEmpty, left.count <= Self.comparedPairsMax / files.count else { return }
    var pairs: [(likeness: Double, entry: Int, file: Int)] = []
    let lines = files.map { LineCounts($0.text, isJSON: $0.isJSON) }
    for (index, entry) in left.enumerated() {
      guard let text = try base(entry) else { continue }
      let old = LineCounts(text, isJSON: entry.kind == .json)
      for (file, new) in lines.enumerated() where files[file].isJSON == (entry.kind == .json) {
        let likeness = old.likeness(to: new)
        if likeness >= Self.likenessMin { pairs.append((likeness, index, file)) }
      }
    }
    pairs.sort { ($1.likeness, $0.entry, $0.file) < ($0.likeness, $1.entry, $1.file) }
    var taken: Set<Int> = []
    for pair in pairs where origins[files[pair.file].path] == nil {
      if taken.insert(pair.entry).inserted { origins[files[pair.file].path] = left[pair.entry] }
    }
  }
}

extension TextFile {
  fileprivate var isJSON: Bool { path.hasSuffix(".json") }
}

/// How often each line is in a text.
private struct LineCounts {
  private var counts: [Substring: Int] = [:]
  private var byteCount = 0

  /// - Parameter isJSON: counts members and elements too, as all may be on one line.
  init(_ text: String, isJSON: Bool) {
    for line in text.split(whereSeparator: { $0 == "\n" || isJSON && $0 == "," })
    where line.contains(where: { !$0.isWhitespace }) {
      counts[line, default: 0] += 1
      byteCount += line.utf8.count
    }
  }

  /// The part of both texts that is in common: 0 to 1.
  func likeness(to other: LineCounts) -> Double {
    let common = counts.reduce(0) { sum, line in
      sum + line.key.utf8.count * min(line.value, other.counts[line.key] ?? 0)
    }
    return Double(2 * common) / Double(max(1, byteCount + other.byteCount))
  }
}
