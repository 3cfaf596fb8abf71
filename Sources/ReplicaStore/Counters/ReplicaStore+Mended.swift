import Causality
import SQLiteBridge
import SegmentStore

// What had rotted and is whole again is told for a while: a disk that has done it once does it
// again.
extension ReplicaStore {
  private static let mendedSetting = "mended"
  /// So many are remembered, the last ones.
  private static let mendedNotesMax = 16

  /// Whether the file is behind what was made again of it.
  var hasMended: Bool { !state.mended.isEmpty || connection.mendedLog != nil }

  /// Writes what was made again when the file was opened.
  func saveMended() throws(StoreError) {
    if hasMended { try write { () throws(StoreError) in } }
  }

  /// Within a transaction for writing.
  func writeMended() throws(StoreError) {
    if let log = connection.mendedLog { try noteMended([log.sentence]) }
    try writeMendedCounters()
  }

  /// What had rotted in the file and was made again, in sentences, the latest last, until
  /// ``forgetMended()``.
  package func mendedNotes() throws(StoreError) -> [String] {
    let bytes = try stored { () throws(SegmentStoreError) in
      try segments.setting(Self.mendedSetting) ?? []
    }
    return bytes.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Within a transaction for writing.
  func noteMended(_ sentences: [String]) throws(StoreError) {
    let known = try mendedNotes().filter { !sentences.contains($0) }
    let text = (known + sentences).suffix(Self.mendedNotesMax).joined(separator: "\n")
    try stored { () throws(SegmentStoreError) in
      try segments.setSetting(Self.mendedSetting, to: Array(text.utf8))
    }
  }

  func forgetMended() throws(StoreError) {
    guard try !mendedNotes().isEmpty else { return }
    try write { () throws(StoreError) in
      try stored { () throws(SegmentStoreError) in
        try segments.setSetting(Self.mendedSetting, to: nil)
      }
    }
  }
}

extension MendedLog {
  fileprivate var sentence: String {
    var text = "The log of the file had rotted"
    if isLost {
      return text + " at its beginning and cannot be read: what was not copied from it into the "
        + "file is lost. Check the disk."
    }
    if frames > 0 { text += ": \(frames) of its pages were mended" }
    if damaged > 0 { text += ", of which \(damaged) may not say what they said" }
    if isCut { text += frames > 0 ? "; what came behind is lost" : ", and its end is lost" }
    return text + ". Check the disk."
  }
}
