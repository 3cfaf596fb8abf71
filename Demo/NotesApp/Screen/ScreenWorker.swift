internal import Skerry
internal import Synchronization
internal import TerminalKit

/// Does what the model asks for: most of it one after the other, so that answers come in the order
/// of what they answer.
final class ScreenWorker: Sendable {
  private let library: NoteLibrary
  private let terminal: Terminal
  private let inbox: AsyncStream<Message>.Continuation
  private let effects: AsyncStream<Effect>
  private let queue: AsyncStream<Effect>.Continuation
  private let contact: Contact

  init(library: NoteLibrary, terminal: Terminal, inbox: AsyncStream<Message>.Continuation) {
    self.library = library
    self.terminal = terminal
    self.inbox = inbox
    (effects, queue) = AsyncStream<Effect>.makeStream()
    contact = Contact(replica: library.replica)
  }

  func take(_ effect: Effect) {
    switch effect {
    case .exchange(let address):
      Task {
        let (sentence, isError) = await contact.exchange(with: address)
        inbox.yield(.exchanged(sentence, isError: isError))
      }
    case .redraw: terminal.redraw()
    default: queue.yield(effect)
    }
  }

  func run() async {
    for await effect in effects {
      do {
        try await perform(effect)
      } catch {
        inbox.yield(answer(to: effect, failing: error))
      }
    }
  }

  func close() async {
    queue.finish()
    await contact.end()
  }

  private func answer(to effect: Effect, failing error: any Error) -> Message {
    if case .save(let id, _, _) = effect { return .notSaved(id, "\(error)") }
    return .failed("\(error)")
  }

  private func perform(_ effect: Effect) async throws {
    switch effect {
    case .list: inbox.yield(.listed(try await library.list()))
    case .refresh(let ids): inbox.yield(.refreshed(ids, try await library.summaries(of: ids)))
    case .load(let id): inbox.yield(.loaded(id, try await load(id)))
    case .create(let title):
      let edit = NoteLibrary.Edit.create(title: title, body: "", notebook: nil, tags: [])
      inbox.yield(.created(try await library.perform(edit)))
    case .save(let id, let base, let text):
      inbox.yield(.saved(id, text: try await library.merge(id, base: base, text: text)))
    case .retitle(let id, let title):
      try await library.perform(.change(id, title: title, body: nil))
    case .delete(let id):
      try await library.perform(.delete(id))
      inbox.yield(.deleted(id))
    case .restore(let id): try await library.perform(.restore(id))
    case .search(let words):
      let found = try await library.search([words])
      inbox.yield(.found(words: words, found.map(\.id)))
    case .status: inbox.yield(.status(try await library.replica.status()))
    case .quit: inbox.finish()
    case .invite:
      let code = try await library.replica.invite()
      try await PlainScreen.show(InvitationText.lines(code: code), on: terminal)
      inbox.yield(.said("The invitation works once, for an hour. Press i for another one."))
    case .exchange, .redraw: break
    }
  }

  /// Nil when the note is gone.
  private func load(_ id: DocumentID) async throws -> Note? {
    do {
      return try await library.note(id)
    } catch let error as NoteError {
      switch error {
      case .noSuchNote, .notANote: return nil
      default: throw error
      }
    }
  }
}

enum InvitationText {
  static func lines(code: String) -> [String] {
    [
      "An invitation for one device, good for one hour. Whoever has it can read your",
      "notes: hand it over where nobody else reads.",
      "",
      code,
      "",
      "On the other device:    notes join CODE --from ADDRESS",
      "ADDRESS is where this device answers (after 'notes serve --listen HOST:PORT' here),",
      "or a relay that both reach and that this device syncs with, too.",
    ]
  }
}

/// Exchanges with others, and stays in touch with those that were reached over the network.
private actor Contact {
  private let replica: Replica
  private var addresses: [Address] = []
  private var link: Task<Void, Never>?

  init(replica: Replica) {
    self.replica = replica
  }

  func exchange(with text: String) async -> (sentence: String, isError: Bool) {
    do {
      let address = try Address(text)
      let reports = try await replica.sync(with: [address])
      if let report = reports.first(where: { $0.failure != nil }) { return (report.sentence, true) }
      await stay(with: address)
      return (reports.map(\.sentence).joined(separator: " "), false)
    } catch {
      return ("\(error)", true)
    }
  }

  /// From now on the link to the address is kept up until the application ends.
  private func stay(with address: Address) async {
    guard !address.isPath, !addresses.contains(address) else { return }
    addresses.append(address)
    let old = link
    old?.cancel()
    await old?.value
    let replica = replica
    let configuration = ServeConfiguration(peers: addresses)
    link = Task { try? await replica.serve(configuration) }
  }

  func end() async {
    link?.cancel()
    await link?.value
  }
}
