import Documents
import EditingTraces
import ReplicaStore
import SQLiteBridge
import TestSupport
import Testing

@Suite(
  "Recorded sessions through stores on disk",
  .enabled(if: TraceFolder.fromEnvironment != nil, "\(TraceFolder.advice)"))
struct StoreTraceTests {
  /// All of it takes a release build.
  #if DEBUG
    static let patchesMax = 4_000
  #else
    static let patchesMax = Int.max
  #endif

  @Test("a transaction for every patch, and the same text on a second store")
  func automergePaper() throws {
    let trace = try #require(TraceFolder.fromEnvironment).sequential("automerge-paper")
    let patches = trace.patches.prefix(Self.patchesMax)
    var expected: [Unicode.Scalar] = []
    let folder = TemporaryFolder()
    let workspace = try TestWorkspace(2, folder: folder)
    let id = try workspace.edit(0) { try $0.createNote("paper") }.value
    for (index, patch) in patches.enumerated() {
      try workspace.edit(0) {
        try $0.edit(id).splice(
          DocumentPath("body"), at: patch.position, delete: patch.deleteCount,
          insert: patch.insertion)
      }
      if index % 1_000 == 0 { _ = try workspace[0].seal(entropy: workspace.entropy) }
      if patches.count < trace.patches.count {
        expected.replaceSubrange(
          patch.position..<patch.position + patch.deleteCount,
          with: Array(patch.insertion.unicodeScalars))
      }
    }
    if patches.count == trace.patches.count { expected = Array(trace.endContent.unicodeScalars) }
    try workspace.send(from: 0, to: 1)
    for index in 0..<2 {
      workspace[index].close()
      let store = try ReplicaStore.open(
        SQLiteOptions(location: .file(folder.file("\(index).db"))))
      let isEqual = try Array(store.body(id).unicodeScalars) == expected
      #expect(isEqual, "store \(index)")
      #expect(store.position == Int64(patches.count) + 1)
    }
  }
}
