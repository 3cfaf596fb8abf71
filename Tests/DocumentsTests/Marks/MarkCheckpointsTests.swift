import Causality
import Testing

@testable import Documents

@Suite("Versions at which marks are known")
struct MarkCheckpointsTests {
  private func checkpoint(_ version: Int) -> MarkReplay.Checkpoint {
    MarkReplay.Checkpoint(version: [version], marks: TextMarks(count: 0))
  }

  @Test("one is kept for each distance from the end, the latest, and any version finds one near")
  func distances() {
    let end = 1_000_000
    var checkpoints = MarkCheckpoints()
    for version in stride(from: 9, to: end, by: 50) {
      checkpoints.add(checkpoint(version), in: end)
    }
    #expect(checkpoints.count <= 8)
    for distance in [256, 1_000, 5_000, 100_000] {
      let found = checkpoints.last(before: [end - distance]) { _ in true }
      let version = found?.version.last ?? -1
      #expect(version <= end - distance && version > end - 5 * distance)
    }
    #expect(checkpoints.last(before: [end - 300]) { _ in false }?.version == nil)
    #expect(checkpoints.last(before: [3]) { _ in true }?.version == nil)
  }

  @Test("versions worth keeping are where the distance is a bound", arguments: [255, 256, 257])
  func cuts(end: Int) {
    #expect(MarkCheckpoints.cuts(in: 0..<end, of: end) == (end > 256 ? [end - 256] : []))
    #expect(MarkCheckpoints.cuts(in: 0..<end, of: end + 5_000) == [])
    #expect(MarkCheckpoints.cuts(in: 0..<10_000, of: 10_000) == [5_904, 8_976, 9_744])
  }
}
