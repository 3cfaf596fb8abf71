import Causality
import ChangeCoding
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import TestSupport
import Testing

/// A store that goes from a release that does not know some operations to one that does.
@Suite("Operations of a later release")
struct UpgradeTests {
  private let folder = TemporaryFolder()

  private func canonical(_ store: ReplicaStore) throws -> String {
    var lines = ""
    try store.exportCanonical { lines += String(decoding: $0, as: UTF8.self) + "\n" }
    return lines
  }

  /// Lets a store go on as another release.
  private func reopen(
    _ index: Int, of workspace: TestWorkspace, _ language: OperationLanguage
  ) throws {
    workspace[index].close()
    workspace.replace(
      index,
      with: try ReplicaStore.open(
        SQLiteOptions(location: .file(folder.file("\(index).db"))), language: language))
  }

  @Test(
    "are kept, forwarded, and come to life after the upgrade, folded or not",
    arguments: [false, true])
  func comeToLife(isFolded: Bool) throws {
    let workspace = try TestWorkspace(3, folder: folder)
    try reopen(1, of: workspace, .first)
    let id = try workspace.edit(0) { try $0.createNote("first") }.value
    try workspace.edit(0) {
      let editor = try $0.edit(id)
      try editor.make(["marked"], .text)
      try editor.splice(["marked"], at: 0, delete: 0, insert: "tide tables")
      try editor.mark(["marked"], 0..<4, name: "bold", value: .bool(true))
      try editor.make(["tree"], .tree)
    }
    try workspace.send(from: 0, to: 1)
    #expect(try canonical(workspace[1]) != canonical(workspace[0]))
    #expect(try workspace[1].title(id) == "first")
    if isFolded {
      for number in 0..<200 {
        try workspace.edit(1) {
          try $0.edit(id).set(["n"], to: .string("\(number) " + String(repeating: "x", count: 64)))
        }
      }
    }
    // Through the store that does not understand them, to one that does.
    try workspace.send(from: 1, to: 2)
    try workspace.send(from: 1, to: 0)
    #expect(try canonical(workspace[2]) == canonical(workspace[0]))
    try reopen(1, of: workspace, .first)
    #expect(try canonical(workspace[1]) != canonical(workspace[0]))

    try reopen(1, of: workspace, .current)
    #expect(try canonical(workspace[1]) == canonical(workspace[0]))
    #expect(try workspace[1].check() == [])
    try workspace.edit(1) { try $0.edit(id).set(["title"], to: "second") }
    try workspace.level()
    #expect(try canonical(workspace[1]) == canonical(workspace[0]))
    try reopen(1, of: workspace, .current)
    #expect(try canonical(workspace[1]) == canonical(workspace[0]))
  }

  @Test("that nobody understands yet are kept through a fold under the number of who folded them")
  func keptForLater() throws {
    let workspace = try TestWorkspace(2, folder: folder)
    let id = try workspace.edit(0) { try $0.createNote("first") }.value
    try workspace.edit(0) {
      try $0.edit(id).write(unknown: 1_000, eventCount: 2, bytes: [1, 2, 3])
    }
    for number in 0..<200 {
      try workspace.edit(0) {
        try $0.edit(id).set(["n"], to: .string("\(number) " + String(repeating: "x", count: 64)))
      }
    }
    try workspace.level()
    for language in [OperationLanguage.current, OperationLanguage(highestCode: 999)] {
      try reopen(0, of: workspace, language)
      #expect(try canonical(workspace[0]) == canonical(workspace[1]))
      let operations = try workspace[0].history(of: id).flatMap(\.edit.operations)
      let kept = Operation.Action.unknown(code: 1_000, eventCount: 2, bytes: [1, 2, 3])
      #expect(operations.contains { $0.action == kept })
    }
  }
}
