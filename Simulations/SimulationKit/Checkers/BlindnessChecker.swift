/// P11: what a relay stores shows nothing of what people wrote: a word that is in many texts is in
/// none of its files.
enum BlindnessChecker {
  static func check(node: Int, disk: VirtualDisk, at time: Int) -> Violation? {
    guard let name = fileWithCanary(on: disk) else { return nil }
    return Violation(
      "P11", at: time, "relay \(node) can read what people wrote: it is in its file '\(name)'")
  }

  /// Whether the word is anywhere on a disk.
  static func fileWithCanary(on disk: VirtualDisk) -> String? {
    let canary = Array(Workload.canary.utf8)
    let image = disk.image
    return image.fileNames.first { name in
      guard let bytes = image.bytes(of: name) else { return false }
      return contains(bytes, canary)
    }
  }

  private static func contains(_ bytes: [UInt8], _ word: [UInt8]) -> Bool {
    guard let first = word.first, bytes.count >= word.count else { return false }
    return bytes.withUnsafeBufferPointer { bytes in
      for start in 0...(bytes.count - word.count) where bytes[start] == first {
        if word.indices.allSatisfy({ bytes[start + $0] == word[$0] }) { return true }
      }
      return false
    }
  }
}
