import Causality
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import Sealing
import Testing

@testable import SimulationKit

/// A replica's store on a virtual disk, and what was acknowledged to its user. Transaction `n`
/// writes `n` into two documents, so that a half transaction shows.
final class DiskSession {
  let disk: VirtualDisk
  let first: DocumentID
  let second: DocumentID
  private(set) var acknowledged = 0
  /// For each step of the disk's recording so far: how many transactions had been acknowledged.
  private(set) var acknowledgedAtStep: [Int] = []
  private(set) var store: ReplicaStore
  private let entropy: Entropy

  init(_ disk: VirtualDisk, seed: UInt64 = 1) throws {
    self.disk = disk
    entropy = .seeded(seed)
    store = try ReplicaStore.create(
      Self.options(disk, .create), .workspace(name: "island"), now: Self.now, entropy: entropy)
    let entropy = entropy
    let made = try store.group(now: Self.now, entropy: entropy) { group in
      group.transaction { transaction in
        let ids = [transaction.create(), transaction.create()]
        for id in ids {
          let editor = try transaction.edit(id)
          try editor.set(DocumentPath([.key("n")]), to: .integer(0))
          try editor.make(DocumentPath([.key("body")]), .text)
        }
        return ids
      }
    }.get().value
    first = made[0]
    second = made[1]
  }

  static let now = Timestamp(clampingMilliseconds: 1_767_225_600_000)

  /// Small caches and a WAL that is copied back often, so that a short session meets everything.
  static func options(
    _ disk: VirtualDisk, _ access: SQLiteOptions.Access = .write
  ) -> SQLiteOptions {
    SQLiteOptions(
      location: .file("store.skerry"), access: access, vfs: disk.vfsName,
      busyTimeoutMilliseconds: 100, walAutocheckpointPages: 60, cacheKibibytes: 256)
  }

  /// One transaction; counts as acknowledged when it returns.
  func write() throws {
    let number = acknowledged + 1
    let text = String(repeating: "wave \(number) ", count: number % 7 * 20)
    let documents = [first, second]
    _ = try store.group(now: Self.now, entropy: entropy) { group in
      group.transaction { transaction in
        for id in documents {
          let editor = try transaction.edit(id)
          try editor.set(DocumentPath([.key("n")]), to: .integer(Int64(number)))
          try editor.splice(
            DocumentPath([.key("body")]), at: 0, delete: 0, insert: text)
        }
      }
    }.get()
    acknowledged = number
    noteSteps()
  }

  func seal() throws {
    _ = try store.seal(entropy: entropy)
    noteSteps()
  }

  private func noteSteps() {
    let count = disk.recording?.steps.count ?? 0
    let before = acknowledgedAtStep.last ?? 0
    while acknowledgedAtStep.count < count { acknowledgedAtStep.append(before) }
    // The last step of a transaction comes before its acknowledgement; what follows, after.
    if count > 0 { acknowledgedAtStep[count - 1] = acknowledged }
  }

  func close() {
    store.close()
    noteSteps()
  }

  /// Goes on from what a restart has found, which can be one transaction more.
  func resume(at number: Int) { acknowledged = number }

  /// The process starts again.
  func reopen() throws {
    store.close()
    store = try ReplicaStore.open(Self.options(disk))
  }

  /// The number of the last transaction that a store shows; nil when it shows half of one.
  func shown(by store: ReplicaStore) throws -> Int? {
    let numbers = try [first, second].map { id -> Int? in
      guard
        case .integer(let number) = try store.document(id)?.json(
          at: DocumentPath([.key("n")]))
      else { return nil }
      return Int(number)
    }
    return numbers[0] == numbers[1] ? numbers[0] : nil
  }
}

/// What is wrong with the store on a disk after a crash; nil when all is well.
func complaint(
  about disk: VirtualDisk, after session: DiskSession, acknowledged: Int, checksFile: Bool = true
) -> String? {
  do {
    let store = try ReplicaStore.open(DiskSession.options(disk))
    defer { store.close() }
    guard let shown = try session.shown(by: store) else { return "half a transaction" }
    guard shown >= acknowledged else {
      return "\(acknowledged) transactions were acknowledged, \(shown) are there"
    }
    guard checksFile else { return nil }
    let connection = try SQLiteConnection(DiskSession.options(disk))
    defer { connection.close() }
    let findings = try connection.integrityCheck()
    return findings.isEmpty ? nil : findings.joined(separator: "; ")
  } catch {
    return "\(error)"
  }
}
