import Sabotages
import Testing

@testable import SimulationKit

@Suite("The catalogue of planted bugs")
struct SabotageCatalogueTests {
  @Test("every bug has one entry, which says what it does and which promises it breaks")
  func theCatalogueIsWhole() {
    let bugs = SabotageCatalogue.all
    #expect(bugs.map(\.sabotage) == Sabotage.allCases)
    #expect(bugs.count >= 25)
    #expect(Set(bugs.map(\.about)).count == bugs.count)
    let promises = Set((1...15).map { "P\($0)" })
    for bug in bugs {
      #expect(!bug.promises.isEmpty && promises.isSuperset(of: bug.promises), "\(bug.name)")
      #expect(Scenario.named(bug.scenario) != nil, "\(bug.name)")
      #expect(SabotageCatalogue.named(bug.name)?.sabotage == bug.sabotage)
    }
    #expect(SabotageCatalogue.named("none such") == nil)
  }
}

/// Each bug is planted, and the world that is known to show it has to.
@Suite("Planted bugs are caught")
struct PlantedBugTests {
  @Test("a planted bug breaks one of its promises", arguments: SabotageCatalogue.all.map(\.name))
  func isCaught(name: String) throws {
    guard PlantedBug.canBePlanted else { return }
    let bug = try #require(SabotageCatalogue.named(name))
    let plan = try #require(Scenario.named(bug.scenario)).plan(seed: bug.seed)
    let report = try Simulation.run(plan, with: bug, breaking: bug.promises)
    #expect(
      report.violations.contains { bug.promises.contains($0.promise) },
      "\(report.violations.map(\.what))")
  }
}
