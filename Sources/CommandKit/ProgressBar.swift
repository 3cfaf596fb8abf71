package import Skerry
private import Synchronization

/// One line on standard error that says how far a long piece of work is, drawn only when standard
/// error is a terminal.
package final class ProgressBar: Sendable {
  private let label: String
  private let isShown: Bool
  private let lastText = Mutex("")
  private static let width = 30

  package init(label: String) {
    self.label = label
    isShown = StandardError.isTerminal && ThisProcess.environment("TERM") != "dumb"
  }

  package func show(_ progress: SyncProgress) {
    guard progress.remainingDocuments == 0 else {
      return show(
        done: progress.receivedDocuments, remaining: progress.remainingDocuments, unit: "documents")
    }
    show(
      done: progress.receivedChanges + progress.sentChanges, remaining: progress.remainingChanges,
      unit: "changes")
  }

  package func show(done: UInt64, remaining: UInt64, unit: String) {
    guard isShown else { return }
    let total = max(1, done + remaining)
    let filled = min(Self.width, Int(Double(done) / Double(total) * Double(Self.width)))
    let bar =
      String(repeating: "=", count: filled) + String(repeating: " ", count: Self.width - filled)
    let text = "\(label) [\(bar)] \(done) of \(total) \(unit)"
    let isNew = lastText.withLock { last in
      defer { last = text }
      return last != text
    }
    if isNew { StandardError.write("\r\(text)\u{1B}[K") }
  }

  /// Takes the line away.
  package func finish() {
    let wasShown = lastText.withLock { !$0.isEmpty }
    if wasShown { StandardError.write("\r\u{1B}[K") }
  }
}
