import Causality
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import TestSupport
import Testing

@Suite("Conflicts in a store")
struct ConflictTests {
  /// Two stores that have set the title of one note each.
  private func apart(
    _ folder: TemporaryFolder? = nil
  ) throws -> (workspace: TestWorkspace, id: DocumentID) {
    let workspace = try TestWorkspace(2, folder: folder)
    let id = try workspace.edit(0) { try $0.createNote("first") }.value
    try workspace.level()
    for index in 0...1 { try setTitle("of \(index)", of: id, workspace, index) }
    return (workspace, id)
  }

  private func setTitle(
    _ title: String, of id: DocumentID, _ workspace: TestWorkspace, _ index: Int
  ) throws {
    try workspace.edit(index) { try $0.edit(id).set(DocumentPath("title"), to: .string(title)) }
  }

  @Test("what was done at once is listed everywhere, over a restart too, until it is decided")
  func listed() throws {
    let folder = TemporaryFolder()
    let (workspace, id) = try apart(folder)
    #expect(try workspace[0].conflicts(of: id).isEmpty)
    #expect(try workspace[0].branchedDocuments().isEmpty)
    try workspace.level()
    let found = try workspace[0].conflicts(of: id)
    #expect(found.map(\.base) == ["first"])
    #expect(try workspace[1].conflicts(of: id) == found)
    workspace[0].close()
    workspace.replace(
      0, with: try ReplicaStore.open(SQLiteOptions(location: .file(folder.file("0.db")))))
    #expect(try workspace[0].branchedDocuments() == [id])
    #expect(try workspace[0].conflicts(of: id) == found)

    try workspace.edit(1) { try $0.resolve(found[0].id, of: id, taking: .side(0)) }
    #expect(try workspace[1].conflicts(of: id).isEmpty)
    try workspace.level()
    #expect(try workspace[0].conflicts(of: id).isEmpty)
    #expect(try workspace[0].title(id) == found[0].sides[0].value)
    #expect(throws: EditError(.nothingThere, "")) {
      try workspace.edit(0) { try $0.resolve(found[0].id, of: id, taking: .side(0)) }
    }
  }

  @Test("a transaction finds the conflicts as earlier ones of its group have left them")
  func inAGroup() throws {
    let (workspace, id) = try apart()
    try workspace.level()
    let store = workspace[0]
    let found = try #require(try store.conflicts(of: id).first)
    let results = try store.group(now: workspace.tick(), entropy: workspace.entropy) { group in
      [
        group.transaction { try $0.insert("more ", of: id) },
        group.transaction { try $0.resolve(found.id, of: id, taking: .side(1)) },
        // It is decided by now.
        group.transaction { try $0.resolve(found.id, of: id, taking: .side(0)) },
      ]
    }
    #expect(throws: Never.self) { try results[0].get() }
    #expect(throws: Never.self) { try results[1].get() }
    #expect(throws: EditError(.nothingThere, "")) { try results[2].get() }
    #expect(try store.conflicts(of: id).isEmpty)
    #expect(try store.title(id) == found.sides[1].value)
    #expect(try store.body(id) == "more ")
    #expect(try store.check().isEmpty)
  }

  @Test("conflicts are decided before other edits of a transaction; one that fails undoes nothing")
  func order() throws {
    let (workspace, id) = try apart()
    try workspace.level()
    let found = try #require(try workspace[0].conflicts(of: id).first)
    #expect(throws: EditError(.notSupported, "")) {
      try workspace.edit(0) { transaction in
        try transaction.insert("x", of: id)
        try transaction.resolve(found.id, of: id, taking: .side(0))
      }
    }
    #expect(try workspace[0].body(id) == "")
    #expect(try workspace[0].conflicts(of: id) == [found])
    try workspace.edit(0) { transaction in
      try transaction.resolve(found.id, of: id, taking: .value("both"))
      try transaction.insert("x", of: id)
    }
    #expect(try workspace[0].body(id) == "x")
    #expect(try workspace[0].title(id) == "both")
  }
}
