package import Skerry
package import TerminalKit

/// What happened.
package enum Message: Sendable {
  case input(InputEvent)
  /// The clocks: milliseconds that only go forward, and the wall's.
  case tick(Int64, Timestamp)
  /// Notes changed, by whomever; others than these, too, unless that is complete.
  case changed([DocumentID], isComplete: Bool)
  /// The process is asked to end.
  case stop

  case listed([NoteSummary])
  /// What became of some notes; those that are not in it are gone.
  case refreshed([DocumentID], [DocumentID: NoteSummary])
  case loaded(DocumentID, Note?)
  case created(DocumentID)
  case saved(DocumentID, text: String)
  case notSaved(DocumentID, String)
  case deleted(DocumentID)
  case found(words: String, [DocumentID])
  case status(Status)
  case exchanged(String, isError: Bool)
  case said(String)
  case failed(String)
}

/// What is to be done; the answer comes as a message. All but the last three are done one after
/// the other, in their order.
package enum Effect: Sendable, Equatable {
  case list
  case refresh([DocumentID])
  case load(DocumentID)
  case create(title: String)
  case save(DocumentID, base: String, text: String)
  case retitle(DocumentID, String)
  case delete(DocumentID)
  case restore(DocumentID)
  case search(String)
  case status
  case quit
  /// Exchanges with an address and stays in touch.
  case exchange(String)
  /// Leaves the screen to show an invitation code as plain text, which can be copied.
  case invite
  /// Draws everything anew.
  case redraw
}
