import Documents
import EditingTraces
import FoundationEssentials
import ReplicaStore
import SQLiteBridge
import Sealing

/// The store on a real disk: durable commits, alone and in groups.
enum StoreBenchmarks {
  static func run(_ bench: Bench, _ folder: TraceFolder) throws {
    let place = FileManager.default.temporaryDirectory.appending(
      path: "skerry-bench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: place) }
    var number = 0
    func makeStore() throws -> ReplicaStore {
      number += 1
      return try ReplicaStore.create(
        SQLiteOptions(location: .file("\(place.path)/\(number).skerry"), access: .create),
        .workspace(name: "bench"), now: Timestamp(clampingMilliseconds: 0),
        entropy: .seeded(UInt64(number)))
    }
    let trace = try folder.sequential("automerge-paper")
    let commits = 1000
    try bench.time(
      "store.commit", "\(commits) commits", prepare: makeStore,
      check: { (result: (ReplicaStore, DocumentID)) in
        try result.0.document(result.1)?.text(at: ["body"]).isEmpty == false
      },
      measure: { store in
        (store, try replay(Array(trace.patches.prefix(commits)), through: store, perGroup: 1))
      })
    try bench.time(
      "store.traceThroughStore", trace.name, prepare: makeStore,
      check: { (result: (ReplicaStore, DocumentID)) in
        try result.0.document(result.1)?.text(at: ["body"]) == trace.endContent
      },
      measure: { store in (store, try replay(trace.patches, through: store, perGroup: 256)) })
  }

  /// One transaction for every patch; `perGroup` of them share one write to the disk.
  private static func replay(
    _ patches: [TracePatch], through store: ReplicaStore, perGroup: Int
  ) throws -> DocumentID {
    let entropy = Entropy.seeded(7)
    let now = Timestamp(clampingMilliseconds: 0)
    let document = try store.group(now: now, entropy: entropy) { group in
      group.transaction { transaction in
        let document = transaction.create()
        try transaction.edit(document).make(["body"], .text)
        return document
      }
    }.get().value
    for start in stride(from: 0, to: patches.count, by: perGroup) {
      let part = patches[start..<min(start + perGroup, patches.count)]
      try store.group(now: now, entropy: entropy) { group in
        for patch in part {
          _ = group.transaction { transaction in
            try transaction.edit(document).splice(
              ["body"], at: patch.position, delete: patch.deleteCount, insert: patch.insertion)
          }
        }
      }
    }
    return document
  }
}
