import TestSupport
import Testing

@testable import SimulationKit

@Suite("The disk: one file")
struct DiskFileTests {
  @Test("whatever chance decides, a sector holds one of the versions it had since the last sync")
  func sectorsAreVersions() {
    let sectorCount = 12
    for seed in UInt64(1)...200 {
      var generator = SeededGenerator(seed: seed)
      var chance = RandomStream(seed: seed, "file")
      var counters = DiskCounters()
      var file = DiskFile()
      [UInt8](repeating: 0, count: sectorCount * 512).withUnsafeBytes { file.write($0, at: 0) }
      file.sync()
      var versions = (0..<sectorCount).map { [sector($0, of: file.bytes)] }
      for step in 1...20 {
        if Int.random(in: 0...9, using: &generator) == 0 {
          file.sync()
          versions = (0..<sectorCount).map { [sector($0, of: file.bytes)] }
          #expect(file.platter == file.bytes)
          continue
        }
        let offset = Int.random(in: 0..<(sectorCount * 512), using: &generator)
        let count = Int.random(in: 1...(sectorCount * 512 - offset), using: &generator)
        [UInt8](repeating: UInt8(step), count: min(count, 2_000)).withUnsafeBytes {
          file.write($0, at: offset)
        }
        for index in 0..<sectorCount { versions[index].append(sector(index, of: file.bytes)) }
      }
      file.losePower(&chance, &counters)
      #expect(file.bytes == file.platter && file.changes.isEmpty)
      for index in 0..<sectorCount {
        let isVersion = versions[index].contains(sector(index, of: file.bytes))
        #expect(isVersion, "seed \(seed), sector \(index)")
      }
    }
  }

  private func sector(_ index: Int, of bytes: [UInt8]) -> [UInt8] {
    Array(bytes[(index * 512)..<(index * 512 + 512)])
  }

  @Test("truncating and growing again leaves zeros, on the platter too")
  func truncation() {
    var file = DiskFile()
    [UInt8](repeating: 9, count: 3_000).withUnsafeBytes { file.write($0, at: 0) }
    file.sync()
    file.truncate(to: 100)
    [UInt8](repeating: 8, count: 10).withUnsafeBytes { file.write($0, at: 2_000) }
    file.sync()
    let expected =
      [UInt8](repeating: 9, count: 100) + [UInt8](repeating: 0, count: 1_900)
      + [UInt8](repeating: 8, count: 10)
    #expect(file.bytes == expected)
    #expect(file.platter == expected)
    file.truncate(to: 5_000)
    file.sync()
    #expect(file.platter == expected + [UInt8](repeating: 0, count: 2_990))
  }

  @Test("what is unsynced stays bounded: the operating system writes it out")
  func bounded() {
    var file = DiskFile()
    let block = [UInt8](repeating: 1, count: 64 << 10)
    for index in 0..<300 {
      block.withUnsafeBytes { file.write($0, at: index % 4 * block.count) }
      #expect(file.payload.count <= DiskFile.unsyncedBytesMax)
    }
    for _ in 0..<20_000 {
      block[..<1].withUnsafeBytes { file.write($0, at: 0) }
    }
    #expect(file.changes.count <= DiskFile.unsyncedChangesMax)
  }

  @Test("names that were not synced come and go in their order")
  func names() {
    var seen: Set<[String]> = []
    for seed in UInt64(1)...60 {
      var chance = RandomStream(seed: seed, "names")
      var counters = DiskCounters()
      var state = DiskState()
      state.create("a", at: 0)
      state.syncNames()
      state.create("b", at: 1)
      state.delete("a")
      state.create("c", at: 2)
      state.losePower(&chance, &counters)
      seen.insert(state.names.map(\.name))
      #expect(!state.hasUnsynced)
    }
    #expect(seen == [["a"], ["a", "b"], ["b"], ["b", "c"]])
  }
}
