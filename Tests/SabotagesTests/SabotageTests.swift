import Foundation
import Sabotages
import Testing

@Suite("Planted bugs")
struct SabotageTests {
  @Test("nothing is planted until somebody plants it, and nothing is left when it is taken away")
  func plantingIsUndone() {
    #expect(Sabotage.planted == nil)
    #expect(Sabotage.allCases.allSatisfy { !$0.isPlanted })
    guard Sabotage.canBePlanted else { return }
    for sabotage in Sabotage.allCases {
      Sabotage.whilePlanted(sabotage) {
        #expect(Sabotage.planted == sabotage)
        #expect(Sabotage.allCases.filter(\.isPlanted) == [sabotage])
      }
      #expect(Sabotage.planted == nil)
    }
    Sabotage.planted = .neverAsk
    #expect(Sabotage.neverAsk.isPlanted)
    Sabotage.planted = nil
    #expect(!Sabotage.neverAsk.isPlanted)
  }

  @Test("a bug is planted on one thread and on no other")
  func otherThreadsAreSpared() {
    guard Sabotage.canBePlanted else { return }
    Sabotage.whilePlanted(.neverAsk) {
      let finished = DispatchSemaphore(value: 0)
      Thread.detachNewThread {
        #expect(Sabotage.planted == nil)
        #expect(!Sabotage.neverAsk.isPlanted)
        finished.signal()
      }
      finished.wait()
    }
  }
}
