internal import Dispatch
internal import Skerry
internal import TerminalKit

#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#else
  private import Darwin
#endif

/// The full-screen application: feeds what happens to the model, draws it, and does what it asks.
package enum FullScreen {
  /// How long an end that was asked for from outside waits for the last edit to be written.
  private static let stopPatience = Duration.seconds(5)
  private static let tick = Duration.milliseconds(100)

  /// Runs on this process's terminal until the person leaves or the process is asked to end.
  ///
  /// - Returns: what could not be written, when that is so.
  package static func run(_ library: NoteLibrary, storeName: String) async throws -> String? {
    let (messages, inbox) = AsyncStream<Message>.makeStream()
    // Before the terminal is taken, which leaves signals alone that somebody else sees to.
    let signals = StopSignals { inbox.yield(.stop) }
    defer { signals.cancel() }
    let terminal = try Terminal.open()
    defer { terminal.close() }
    let worker = ScreenWorker(library: library, terminal: terminal, inbox: inbox)
    let tasks = [
      Task {
        for await event in terminal.events { inbox.yield(.input(event)) }
        inbox.yield(.stop)
      },
      Task {
        for await notice in library.replica.changes() {
          inbox.yield(.changed(notice.documents, isComplete: notice.isComplete))
        }
      },
      Task {
        let start = ContinuousClock.now
        while !Task.isCancelled {
          inbox.yield(.tick(start.duration(to: .now).milliseconds, .now))
          try? await Task.sleep(for: tick)
        }
      },
      Task { await worker.run() },
    ]
    var model = Model(size: terminal.size, now: .now, storeName: storeName)
    for effect in Model.firstEffects { worker.take(effect) }
    for await message in messages {
      if case .stop = message {
        Task {
          try? await Task.sleep(for: stopPatience)
          inbox.finish()
        }
      }
      for effect in model.update(message) { worker.take(effect) }
      do {
        try terminal.draw(model.view())
      } catch {
        inbox.yield(.stop)
      }
    }
    for task in tasks { task.cancel() }
    await worker.close()
    guard let open = model.open, !open.isSaved else { return nil }
    return open.editor.text
  }
}

/// Turns signals that end a process into a call.
private struct StopSignals {
  private let sources: [any DispatchSourceSignal]

  init(_ stop: @escaping @Sendable () -> Void) {
    sources = [SIGTERM, SIGHUP, SIGINT].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler(handler: stop)
      source.resume()
      return source
    }
  }

  func cancel() {
    for source in sources { source.cancel() }
  }
}

extension Duration {
  fileprivate var milliseconds: Int64 {
    components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
  }
}
