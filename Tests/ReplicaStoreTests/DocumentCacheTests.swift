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

  // MARK: Histories

  /// One that keeps its history.
  private func withHistory(_ number: Int, _ count: Int) -> Document {
    let document = Document(id: DocumentID(high: 0, low: UInt64(number + 1)))
    document.keep(DocumentHistory(document: document.id))
    grow(document, by: count)
    return document
  }

  private func cache(of documents: [Document], _ limits: HistoryLimits) -> DocumentCache {
    var cache = DocumentCache()
    cache.historyLimits = limits
    for document in documents {
      cache.insert(DocumentCache.Entry(document))
      cache.noteHistory(of: document.id)
    }
    return cache
  }

  @Test("histories are kept up to the last byte and the last document of each bound")
  func historyBounds() {
    func kept(_ count: Int, _ limits: HistoryLimits) -> Int {
      let documents = (0..<count).map { withHistory($0, 1_000) }
      let cache = cache(of: documents, limits)
      let kept = documents.filter(\.hasHistory)
      #expect(kept.map(\.id) == documents.suffix(kept.count).map(\.id))
      #expect(cache.historyBytes == kept.reduce(0) { $0 + $1.approximateHistoryBytes })
      return kept.count
    }
    let each = withHistory(0, 1_000).approximateHistoryBytes
    #expect(each > 1_000)
    for bytes in [3 * each - 1, 3 * each, 3 * each + 1] {
      let few = HistoryLimits(count: 8, bytes: bytes, smallCount: 20, smallBytes: 0)
      #expect(kept(5, few) == bytes / each)
      // However many of them there are.
      let many = HistoryLimits(count: 2, bytes: bytes, smallCount: 20, smallBytes: .max)
      #expect(kept(9, many) == bytes / each)
      let small = HistoryLimits(count: 2, bytes: .max, smallCount: 20, smallBytes: bytes)
      #expect(kept(9, small) == bytes / each)
    }
    for count in 3...5 {
      let large = HistoryLimits(count: 4, bytes: .max, smallCount: 20, smallBytes: 0)
      #expect(kept(count, large) == min(count, 4))
      let small = HistoryLimits(count: 1, bytes: .max, smallCount: 4, smallBytes: .max)
      #expect(kept(count, small) == min(count, 4))
    }
    // The last one stays all the same.
    #expect(kept(3, HistoryLimits(count: 8, bytes: 1, smallCount: 20, smallBytes: 1)) == 1)
  }

  @Test("histories that grow while they are kept are counted, and so are values", arguments: 0..<6)
  func growingHistories(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let documents = (0..<12).map { withHistory($0, 10) }
    let limits = HistoryLimits(count: 3, bytes: 40_000, smallCount: 6, smallBytes: 9_000)
    var cache = cache(of: documents, limits)
    for step in 0..<300 {
      let document = documents[Int.random(in: documents.indices, using: &random)]
      if cache.entry(document.id) == nil { cache.insert(DocumentCache.Entry(document)) }
      switch Int.random(in: 0..<12, using: &random) {
      case 0..<6: grow(document, by: Int.random(in: 0...2_000, using: &random))
      case 6: try set(document, to: String(repeating: "v", count: 5_000))
      case 7: cache.remove(document.id)
      case 8: document.releaseHistory()
      default: break
      }
      if document.hasHistory, cache.entry(document.id) != nil {
        cache.noteHistory(of: document.id)
      }
      cache.trim()
      let kept = documents.filter { $0.hasHistory && cache.entry($0.id) != nil }
      let bytes = kept.reduce(0) { $0 + $1.approximateHistoryBytes }
      #expect(cache.historyBytes <= bytes && bytes <= cache.historyBytes * 17 / 16 + 1)
      let areFew = kept.count <= 3 || kept.count <= 6 && cache.historyBytes <= 9_000
      #expect(areFew, "seed \(seed), step \(step)")
      #expect(cache.historyBytes <= 40_000 || kept.count == 1, "seed \(seed), step \(step)")
      if kept.isEmpty {
        for document in documents.prefix(4) {
          document.keep(DocumentHistory(document: document.id))
          cache.insert(DocumentCache.Entry(document))
          cache.noteHistory(of: document.id)
        }
      }
    }
  }

  private func set(_ document: Document, to text: String) throws {
    let sequence = (document.parents.first?.sequence ?? 0) + 1
    let change = ChangeID(origin: Origin(high: 0, low: 1), sequence: sequence)
    let editor = document.beginEdit(change, lamport: sequence)
    try editor.set(["v"], value: .string(text))
    _ = try editor.finish()
  }

  @Test("one that grows alone makes those go that nobody has asked for since")
  func growingHistory() {
    let documents = [withHistory(0, 100), withHistory(1, 100)]
    var cache = cache(
      of: documents, HistoryLimits(count: 8, bytes: 20_000, smallCount: 20, smallBytes: 20_000))
    cache.trim()
    #expect(documents[0].hasHistory && documents[1].hasHistory)
    _ = cache.entry(documents[1].id)
    grow(documents[1], by: 30_000)
    cache.trim()
    #expect(!documents[0].hasHistory && documents[1].hasHistory)
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
    func tail() -> Int? { store.cache.entry(id)?.tailCount }
    func type(_ count: Int) throws {
      try store.group(now: workspace.tick(), entropy: workspace.entropy) { group in
        for _ in 0..<count { _ = group.transaction { try $0.insert("x", of: id) } }
      }
    }
    // The first edits are many bytes for a document without a state.
    #expect(tail() == 0)
    for _ in 0..<16 { try type(256) }
    #expect(tail() == 4_096)
    try type(1)
    #expect(tail() == 0)
    #expect(try store.body(id).unicodeScalars.count == 100_000 + 4_097)
  }
}
