import ArgumentParser
import CommandKit
import SimulationKit
import Synchronization

struct Histories: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Holds texts and lists against a slow, obvious model, on many small histories.",
    discussion: """
      Each seed makes a history of two to four people who write at once and meet now and then. \
      Whatever any of them has seen, the document has to be what the model makes of it; in the end \
      all have the same bytes, up to three earlier versions read as they were, and the packed \
      history leads to the same document. A release build checks a million in a quarter of an hour.
      """)

  @Option(help: "The first and the last seed, as A..B.")
  var seeds: SeedRange = SeedRange(range: 1...100_000)

  @Option(help: "How many threads work at once.")
  var jobs: Int = 1

  func validate() throws {
    guard (1...64).contains(jobs) else { throw ValidationError("--jobs takes 1 to 64.") }
  }

  func run() async throws {
    let progress = Progress(seeds.range)
    let bar = ProgressBar(label: "histories")
    let total = UInt64(seeds.range.count)
    let failures = await withTaskGroup(of: [String].self) { group in
      for _ in 0..<jobs {
        group.addTask {
          var failures: [String] = []
          while let batch = progress.next() {
            for seed in batch {
              guard let failure = TextHistory.failure(seed: seed) else { continue }
              failures.append("seed \(seed): \(failure)")
            }
            let done = batch.upperBound - seeds.range.lowerBound + 1
            bar.show(done: done, remaining: total - done, unit: "histories")
          }
          return failures
        }
      }
      return await group.reduce(into: []) { $0 += $1 }
    }
    bar.finish()
    for failure in failures.prefix(20) { try StandardOutput.show(line: failure) }
    try StandardOutput.show(line: "\(total) histories, \(failures.count) failed")
    guard failures.isEmpty else {
      throw CommandFailure(sentence: "\(failures.count) of \(total) histories failed")
    }
  }

  /// Deals the seeds out, some at a time.
  private final class Progress: Sendable {
    private let rest: Mutex<ClosedRange<UInt64>?>

    init(_ seeds: ClosedRange<UInt64>) {
      rest = Mutex(seeds)
    }

    func next() -> ClosedRange<UInt64>? {
      rest.withLock { rest in
        guard let seeds = rest else { return nil }
        let last = min(seeds.upperBound, seeds.lowerBound + 99)
        rest = last < seeds.upperBound ? last + 1...seeds.upperBound : nil
        return seeds.lowerBound...last
      }
    }
  }
}
