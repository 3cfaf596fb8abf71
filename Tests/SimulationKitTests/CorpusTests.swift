import Foundation
import JSONCoding
import SimulationKit
import Testing

/// Plans that once broke a promise. What was mended stays mended.
@Suite("The corpus of plans that failed once")
struct CorpusTests {
  private static let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Simulations/Corpus")

  static let names =
    (try? FileManager.default.contentsOfDirectory(atPath: folder.path))?
    .filter { $0.hasSuffix(".plan.json") }.sorted() ?? []

  @Test("there is a corpus")
  func isFound() {
    #expect(Self.names.count >= 3)
  }

  @Test("a plan that failed once passes", arguments: names)
  func passes(name: String) throws {
    let bytes = try Data(contentsOf: Self.folder.appending(path: name))
    let plan = try Plan(json: try JSONValue(parsing: bytes))
    let report = try Simulation.run(plan)
    #expect(report.isOK, "\(name): \(report.violations)")
    // Who heard one of two stories of a cheat never shows what was built on the other.
    #expect(report.converged || plan.faults.contains { $0.kind == .forgeFork })
  }
}
