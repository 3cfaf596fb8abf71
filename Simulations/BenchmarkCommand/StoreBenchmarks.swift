import CommandKit
import EditingTraces
import FoundationEssentials

/// What a store on a real disk costs, each thing beside bare SQLite doing the least that could be
/// called the same, right before it.
enum StoreBenchmarks {
  /// What can be measured alone, in the order in which all are; the size, which takes many minutes,
  /// only when it is asked for.
  enum Part: String, CaseIterable {
    case commits, creating, reading, session, size

    static let quick: [Part] = allCases.filter { $0 != .size }

    var name: String { "store.\(rawValue)" }
  }

  static func run(_ bench: Bench, _ program: BenchmarkProgram, _ parts: [Part]) async throws {
    let place = try BenchFolder()
    defer { place.remove() }
    for part in parts {
      switch part {
      case .commits: try await commits(bench, place)
      case .creating: try await creating(bench, place)
      case .reading: try await reading(bench, place)
      case .size: try await size(bench, place)
      case .session:
        try await session(bench, place, try program.folder().sequential("automerge-paper"))
      }
    }
  }

  /// Measures how many of something there are in a second, and what bare SQLite does right before.
  ///
  /// - Parameters:
  ///   - count: how many one run does.
  ///   - floor: how many the floor does, and the doing of it.
  static func rates(
    _ bench: Bench, _ name: String, _ subject: String, _ count: Int,
    floor: (name: String, count: Int, body: () throws -> Void),
    _ body: () async throws -> Void
  ) async throws -> Figures? {
    var figures: [Double] = []
    var floors: [Double] = []
    var ratios: [Double] = []
    for _ in 0..<bench.runs {
      let bare = Double(floor.count) / (try Stopwatch.seconds { try floor.body() })
      let rate = Double(count) / (try await Stopwatch.elapsed { try await body() })
      floors.append(bare)
      figures.append(rate)
      ratios.append(rate / bare)
    }
    if let floors = Figures(floors) { bench.report(floor.name, subject, unit: "perSecond", floors) }
    guard let rates = Figures(figures) else { return nil }
    bench.report(name, subject, unit: "perSecond", rates)
    if let ratios = Figures(ratios) {
      bench.report("\(name).ratio", subject, unit: "ratio", ratios)
    }
    return rates
  }

  static func expect(_ isRight: Bool, _ name: String) throws {
    guard isRight else { throw CommandFailure(sentence: "\(name) gives a wrong result") }
  }
}

/// A folder that is gone when the measurements are over.
final class BenchFolder {
  let path: String
  private var number = 0

  init() throws {
    let place = FileManager.default.temporaryDirectory.appending(
      path: "skerry-bench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    path = place.path
  }

  /// The path of a file that is not there yet.
  func next() -> String {
    number += 1
    return "\(path)/\(number)"
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }

  static func byteCount(_ path: String) -> Int {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    return (attributes?[.size] as? Int) ?? (attributes?[.size] as? UInt64).map { Int($0) } ?? 0
  }
}
