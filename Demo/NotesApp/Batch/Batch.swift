package import JSONCoding
import Skerry
import Synchronization

/// Carries out lines of `notes batch` and answers each, after what it wrote is durable.
package struct Batch: Sendable {
  private let library: NoteLibrary

  package init(_ library: NoteLibrary) {
    self.library = library
  }

  /// Answers lines that arrived together, in their order. Edits that follow each other share one
  /// wait for the disk.
  ///
  /// A line that is nil was too long to be read.
  package func answer(_ lines: [[UInt8]?]) async -> [JSONValue] {
    var answers: [JSONValue] = []
    var waiting: [(id: JSONValue, edit: NoteLibrary.Edit)] = []
    for line in lines {
      guard let line else {
        answers += await perform(&waiting)
        answers.append(Batch.refusal(.null, NoteError.badCommand("The line is too long.")))
        continue
      }
      do {
        let command = try BatchCommand(parsing: line)
        if case .edit(let wanted) = command.action {
          // A prefix may name a note that a waiting edit makes, so it is looked up behind it.
          if !wanted.namesWholeID { answers += await perform(&waiting) }
          waiting.append((command.id, try await resolve(wanted)))
        } else {
          answers += await perform(&waiting)
          answers.append(try await answer(command))
        }
      } catch {
        answers += await perform(&waiting)
        answers.append(Batch.refusal(BatchCommand.id(of: line), error))
      }
    }
    return answers + (await perform(&waiting))
  }

  private func resolve(_ wanted: BatchCommand.NewOrPrefix) async throws -> NoteLibrary.Edit {
    switch wanted {
    case .create(let title, let body, let notebook, let tags):
      .create(title: title, body: body, notebook: notebook, tags: tags)
    case .change(let note, let title, let body):
      .change(try await library.id(matching: note), title: title, body: body)
    case .append(let note, let text): .append(try await library.id(matching: note), text)
    case .delete(let note): .delete(try await library.id(matching: note))
    }
  }

  private func perform(
    _ waiting: inout [(id: JSONValue, edit: NoteLibrary.Edit)]
  ) async -> [JSONValue] {
    guard !waiting.isEmpty else { return [] }
    let commands = waiting
    waiting = []
    do {
      let results = try await library.perform(commands.map(\.edit))
      return zip(commands, results).map { command, result in
        switch result {
        case .success(let note):
          ["id": command.id, "ok": true, "note": .string(note.description)]
        case .failure(let error): Batch.refusal(command.id, error)
        }
      }
    } catch {
      return commands.map { Batch.refusal($0.id, error) }
    }
  }

  private func answer(_ command: BatchCommand) async throws -> JSONValue {
    var answer: JSONObject = ["id": command.id, "ok": true]
    switch command.action {
    case .edit: break
    case .show(let prefix, let version):
      let id = try await library.id(matching: prefix)
      if let version {
        answer["body"] = .string(try await library.body(id, at: version))
      } else {
        let note = try await library.note(id)
        answer["note"] = note.summary.json
        answer["body"] = .string(note.body)
      }
    case .list: answer["notes"] = .array(try await library.list().map(\.json))
    case .sync(let addresses):
      let reports = try await library.replica.sync(with: addresses.map { try Address($0) })
      if let failure = reports.compactMap(\.failure).first { throw failure }
      answer["peers"] = .array(reports.map(\.json))
    case .status: answer["status"] = try await library.status().json
    case .export(let folder?):
      let export = try await library.replica.exportFolder(to: folder)
      if let problem = export.problems.first {
        throw NoteError.badCommand(problem.description)
      }
      answer["files"] = .count(export.files.count)
    case .export(nil):
      let lines = Mutex<[JSONValue]>([])
      try await library.replica.exportCanonical { line in
        lines.withLock { $0.append(.string(String(decoding: line, as: UTF8.self))) }
      }
      answer["lines"] = .array(lines.withLock { $0 })
    }
    return .object(answer)
  }

  private static func refusal(_ id: JSONValue, _ error: any Error) -> JSONValue {
    ["id": id, "ok": false, "error": .string("\(error)")]
  }
}

extension BatchCommand.NewOrPrefix {
  fileprivate var namesWholeID: Bool {
    switch self {
    case .create: true
    case .change(let note, _, _), .append(let note, _), .delete(let note):
      DocumentID(hexadecimal: note) != nil
    }
  }
}
