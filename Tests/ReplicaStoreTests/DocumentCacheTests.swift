import Causality
import Documents
import TestSupport
import Testing

@testable import ReplicaStore

@Suite("Open documents")
struct DocumentCacheTests {
  private static let countMax = 12
  private static let bytesMax = 80_000

  private func document(_ number: Int) -> Document {
    let document = Document(id: DocumentID(high: 0, low: UInt64(number + 1)))
    grow(document, by: number % 5 * 1_000)
    return document
  }

  private func grow(_ document: Document, by count: Int) {
    let sequence = (document.parents.first?.sequence ?? 0) + 1
    let change = ChangeID(origin: Origin(high: 0, low: 1), sequence: sequence)
    let editor = document.beginEdit(change, lamport: sequence)
    do {
      try editor.make(["t"], .text)
      try editor.splice(["t"], at: 0, delete: 0, insert: String(repeating: "x", count: count))
      _ = try editor.finish()
    } catch {
      Issue.record(error)
    }
  }

  @Test("are counted as what they take, and stay within bounds", arguments: 0..<8)
  func counting(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var cache = DocumentCache()
    cache.limits = DocumentCacheLimits(count: Self.countMax, bytes: Self.bytesMax)
    let ids = (0..<30).map { DocumentID(high: 0, low: UInt64($0 + 1)) }
    for step in 0..<400 {
      let number = Int.random(in: ids.indices, using: &random)
      switch Int.random(in: 0..<20, using: &random) {
      case 0..<9: cache.insert(DocumentCache.Entry(document(number)))
      case 9..<12: _ = cache.entry(ids[number])
      case 12..<15:
        // Whoever changes a document has asked for it.
        if let entry = cache.entry(ids[number]) {
          grow(entry.document, by: Int.random(in: 0...9_000, using: &random))
        }
      case 15: cache.remove(ids[number])
      case 16 where step % 5 == 0: cache.removeAll()
      default:
        cache.trim()
        let open = ids.compactMap { cache.entry($0) }
        let bytes = open.reduce(0) {
          $0 + $1.document.approximateBytes + DocumentCache.bytesOfEach
        }
        #expect(cache.bytes == bytes && cache.count == open.count, "seed \(seed), step \(step)")
        #expect(cache.count <= Self.countMax && (bytes <= Self.bytesMax || cache.count == 1))
      }
    }
  }

  @Test("one that alone is too large stays for whoever asks again, and nothing else beside it")
  func large() {
    var cache = DocumentCache()
    cache.limits = DocumentCacheLimits(count: Self.countMax, bytes: Self.bytesMax)
    for number in 0..<3 { cache.insert(DocumentCache.Entry(document(number))) }
    let large = document(7)
    grow(large, by: 2 * Self.bytesMax)
    cache.insert(DocumentCache.Entry(large))
    for _ in 0..<3 {
      cache.trim()
      #expect(cache.count == 1)
      #expect(cache.entry(large.id) != nil)
    }
    cache.insert(DocumentCache.Entry(document(1)))
    cache.trim()
    #expect(cache.count == 1 && cache.entry(large.id) == nil)
  }

  @Test("many small edits are folded into the state before they are slow to open")
  func manySmallEdits() throws {
    let folder = TemporaryFolder()
    let workspace = try TestWorkspace(1, folder: folder)
    let store = workspace[0]
    // So large that the bytes of the edits alone would be left for longer.
    let id = try workspace.edit(0) { transaction in
      let id = try transaction.createNote("large")
      try transaction.insert(String(repeating: "tide ", count: 20_000), of: id)
      return id
    }.value
    func tail() throws -> Int {
      let entry = store.cache.entry(id)
      return try #require(entry).tailCount
    }
    func type(_ count: Int) throws {
      try store.group(now: workspace.tick(), entropy: workspace.entropy) { group in
        for _ in 0..<count { _ = group.transaction { try $0.insert("x", of: id) } }
      }
    }
    // The first edits are many bytes for a document without a state.
    #expect(try tail() == 0)
    for _ in 0..<16 { try type(256) }
    #expect(try tail() == 4_096)
    try type(1)
    #expect(try tail() == 0)
    #expect(try store.body(id).unicodeScalars.count == 100_000 + 4_097)
  }
}
