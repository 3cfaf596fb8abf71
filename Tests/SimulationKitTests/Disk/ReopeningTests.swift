import Causality
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import Sealing
import SimulationKit
import Testing

@Suite("A store on a disk that fails while it commits")
struct ReopeningTests {
  @Test("goes on when the disk does, loses nothing that it said was durable, and repeats nothing")
  func goesOn() throws {
    for operation in [VirtualDisk.Operation.write, .sync] {
      for count in 0..<12 {
        let disk = VirtualDisk(seed: UInt64(count), name: "store-\(operation)-\(count)")
        let store = try ReplicaStore.create(
          SQLiteOptions(location: .file("a.skerry"), access: .create, vfs: disk.vfsName),
          .workspace(name: "one"), now: Timestamp(clampingMilliseconds: 1), entropy: .seeded(1))
        let entropy = Entropy.seeded(2)
        func note(_ text: String) throws {
          _ = try store.group(now: Timestamp(clampingMilliseconds: 2), entropy: entropy) {
            group in
            group.transaction { transaction in
              try transaction.edit(transaction.create()).set(
                DocumentPath([.key("t")]), to: .string(text))
            }
          }.get()
        }
        disk.fail(operation, after: count, forever: false)
        var durable: UInt64 = 0
        var failures = 0
        for number in 0..<20 {
          do {
            try note("\(number)")
            durable += 1
          } catch {
            failures += 1
          }
        }
        #expect(failures <= 2, "\(operation) \(count)")
        let origin = store.identity.origin
        // A commit that failed may be on the disk all the same.
        #expect(store.appliedVector[origin] >= durable)
        #expect(store.appliedVector[origin] <= durable + UInt64(failures))
        #expect(try store.check() == [])
        let shown = store.appliedVector
        store.close()
        disk.crash(.power)
        let again = try ReplicaStore.open(
          SQLiteOptions(location: .file("a.skerry"), access: .write, vfs: disk.vfsName))
        #expect(again.appliedVector == shown, "\(operation) \(count)")
        again.close()
      }
    }
  }
}
