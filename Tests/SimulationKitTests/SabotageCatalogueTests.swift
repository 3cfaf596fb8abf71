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
