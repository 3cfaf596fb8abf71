import CommandKit
import Documents
import FoundationEssentials
import JSONCoding
import ReplicaStore
import SQLiteBridge
import Sealing

/// What queries read: making it along with new documents, and looking words up in it.
enum SearchBenchmarks {
  private static let documents = 100_000
  private static let perGroup = 1_000
  private static let searches = 1_000
  /// Words of a document, which make it about 500 bytes long.
  private static let wordsPerDocument = 75

  static func run(_ bench: Bench) throws {
    let place = FileManager.default.temporaryDirectory.appending(
      path: "skerry-bench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: place) }
    let vocabulary = Vocabulary()
    var random = Generator(state: 7)
    let texts = (0..<documents).map { _ in vocabulary.text(wordsPerDocument, using: &random) }
    var made: [ReplicaStore] = []
    for isProjecting in [false, true] {
      let name = isProjecting ? "store.createSearchable" : "store.create"
      var seconds: [Double] = []
      for run in 0..<bench.runs {
        let store = try ReplicaStore.create(
          SQLiteOptions(
            location: .file("\(place.path)/\(isProjecting)-\(run).skerry"), access: .create),
          .workspace(name: "bench"), now: Timestamp(clampingMilliseconds: 0),
          entropy: .seeded(UInt64(run)))
        if isProjecting { try store.project() }
        let start = ContinuousClock.now
        try create(texts, in: store, isProjecting: isProjecting)
        seconds.append(Double((ContinuousClock.now - start) / .nanoseconds(1)) / 1e9)
        guard try store.documentCount() == documents else {
          throw CommandFailure(sentence: "\(name) has not made all documents")
        }
        if isProjecting { made.append(store) }
      }
      if let figures = Figures(seconds.map { Double(documents) / $0 }) {
        bench.report(name, "\(documents) x 500 B", unit: "perSecond", figures)
      }
    }
    guard let store = made.last else { return }
    try search(store, vocabulary, bench)
  }

  private static func create(
    _ texts: [String], in store: ReplicaStore, isProjecting: Bool
  ) throws {
    let entropy = Entropy.seeded(7)
    for start in stride(from: 0, to: documents, by: perGroup) {
      let results = try store.group(now: Timestamp(clampingMilliseconds: 0), entropy: entropy) {
        group in
        (0..<perGroup).map { index in
          group.transaction { transaction in
            let editor = try transaction.edit(transaction.create())
            try editor.set(["title"], to: .string("Note \(start + index)"))
            try editor.set(["body"], to: .string(texts[start + index]))
          }
        }
      }
      for result in results { _ = try result.get() }
      if isProjecting { while try !store.project().isDone {} }
    }
  }

  private static func search(
    _ store: ReplicaStore, _ vocabulary: Vocabulary, _ bench: Bench
  ) throws {
    let reader = try ProjectionReader(store.options)
    var random = Generator(state: 11)
    var milliseconds: [Double] = []
    for number in 0..<searches {
      // As people search: mostly for one word, common ones too.
      let words = vocabulary.text(number % 4 == 0 ? 2 : 1, using: &random)
      let start = ContinuousClock.now
      let hits = try reader.search(words, limit: 20).hits
      milliseconds.append(Double((ContinuousClock.now - start) / .nanoseconds(1)) / 1e6)
      guard number % 4 == 0 || hits.allSatisfy({ $0.snippet.contains { $0.isMatch } }) else {
        throw CommandFailure(sentence: "store.search has found what has not the word \(words)")
      }
    }
    milliseconds.sort()
    for (name, part) in [("store.search", 0.5), ("store.search.p99", 0.99)] {
      let value = milliseconds[min(searches - 1, Int(Double(searches) * part))]
      bench.report(
        name, "\(documents) documents", unit: "ms",
        Figures(min: value, median: value, max: value, runs: 1))
    }
  }

  /// Words that are as common as words are: the second half as often as the first, and so on.
  private struct Vocabulary {
    private static let wordCount = 20_000
    private let words: [String]
    private let cumulative: [Double]

    init() {
      var random = Generator(state: 3)
      words = (0..<Self.wordCount).map { _ in
        String(
          (0..<Int.random(in: 2...10, using: &random)).map { _ in
            Character(Unicode.Scalar(UInt8.random(in: 97...122, using: &random)))
          })
      }
      var sum = 0.0
      cumulative = (1...Self.wordCount).map { rank in
        sum += 1 / Double(rank)
        return sum
      }
    }

    func text(_ count: Int, using random: inout Generator) -> String {
      (0..<count).map { _ in
        let place = Double.random(in: 0..<(cumulative.last ?? 1), using: &random)
        var (low, high) = (0, cumulative.count - 1)
        while low < high {
          let middle = (low + high) / 2
          if cumulative[middle] <= place { low = middle + 1 } else { high = middle }
        }
        return words[low]
      }.joined(separator: " ")
    }
  }

  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var word = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
      word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
      return word ^ (word >> 31)
    }
  }
}
