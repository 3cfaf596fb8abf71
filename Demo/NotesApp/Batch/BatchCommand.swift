import JSONCoding
package import Skerry

/// One line of `notes batch`: `{"id":…,"cmd":"new","title":"Plan","body":"…"}`.
package struct BatchCommand: Sendable {
  package enum Action: Sendable {
    case edit(NewOrPrefix)
    case show(String, at: String?)
    case list
    case sync([String])
    case status
    /// Into a folder, or without one as lines in the answer.
    case export(String?)
  }

  /// An edit as it is asked for: its note may be given by the beginning or end of its id.
  package enum NewOrPrefix: Sendable {
    case create(title: String, body: String, notebook: String?, tags: [String])
    case change(String, title: String?, body: String?)
    case append(String, String)
    case delete(String)
  }

  /// What the line calls itself; comes back in the answer.
  package var id: JSONValue
  package var action: Action

  static let names = [
    "new", "edit", "append", "delete", "show", "list", "sync", "status", "export",
  ]

  /// - Throws: `NoteError.badCommand` with what is wrong.
  package init(parsing line: some Sequence<UInt8>) throws {
    let json: JSONValue
    do {
      json = try JSONValue(parsing: line)
    } catch {
      throw NoteError.badCommand("The line is \(error).")
    }
    guard let fields = json.objectValue else {
      throw NoteError.badCommand("A line must be a JSON object.")
    }
    id = fields["id"] ?? .null
    guard let name = fields["cmd"]?.stringValue else {
      throw NoteError.badCommand(
        "'cmd' is missing; it is one of \(Self.names.joined(separator: ", ")).")
    }
    action = try BatchCommand.action(named: name, Options(command: name, fields: fields))
  }

  /// The `id` of a line that is otherwise wrong, so that its answer can be told from others.
  package static func id(of line: some Sequence<UInt8>) -> JSONValue {
    (try? JSONValue(parsing: line))?.objectValue?["id"] ?? .null
  }

  private static func action(named name: String, _ options: Options) throws -> Action {
    switch name {
    case "new":
      return .edit(
        .create(
          title: try options.text("title"), body: try options.optionalText("body") ?? "",
          notebook: try options.optionalText("notebook"), tags: try options.texts("tags")))
    case "edit":
      let title = try options.optionalText("title")
      let body = try options.optionalText("body")
      guard title != nil || body != nil else {
        throw NoteError.badCommand("'edit' needs 'title' or 'body'.")
      }
      return .edit(.change(try options.text("note"), title: title, body: body))
    case "append":
      return .edit(.append(try options.text("note"), try options.text("text")))
    case "delete":
      return .edit(.delete(try options.text("note")))
    case "show":
      return .show(try options.text("note"), at: try options.optionalText("at"))
    case "list": return .list
    case "sync":
      let addresses = try options.texts("addresses")
      guard !addresses.isEmpty else { throw NoteError.badCommand("'sync' needs 'addresses'.") }
      return .sync(addresses)
    case "status": return .status
    case "export": return .export(try options.optionalText("dir"))
    default:
      throw NoteError.badCommand(
        "There is no command '\(name.prefix(60))'; there are \(names.joined(separator: ", ")).")
    }
  }
}

/// The fields of a line, asked for by name.
private struct Options {
  let command: String
  let fields: JSONObject

  func optionalText(_ name: String) throws -> String? {
    switch fields[name] {
    case nil, .null: return nil
    case .string(let text): return text
    default: throw NoteError.badCommand("'\(name)' of '\(command)' must be a text.")
    }
  }

  func text(_ name: String) throws -> String {
    guard let text = try optionalText(name) else {
      throw NoteError.badCommand("'\(command)' needs '\(name)'.")
    }
    return text
  }

  func texts(_ name: String) throws -> [String] {
    switch fields[name] {
    case nil, .null: return []
    case .array(let elements):
      return try elements.map { element in
        guard let text = element.stringValue else {
          throw NoteError.badCommand("'\(name)' of '\(command)' must be an array of texts.")
        }
        return text
      }
    default: throw NoteError.badCommand("'\(name)' of '\(command)' must be an array of texts.")
    }
  }
}
