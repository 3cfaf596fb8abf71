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
    let report = try Simulation.run(try Plan(json: try JSONValue(parsing: bytes)))
    #expect(report.isOK, "\(name): \(report.violations)")
    #expect(report.converged)
  }
}
