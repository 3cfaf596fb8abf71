import NotesApp
import Skerry
import Synchronization
import Testing

@Suite("The demonstration")
struct DemoShowTests {
  @Test("ends as its story says, on real stores and links")
  func plays() async throws {
    let scratch = try Scratch()
    let lines = Mutex<[String]>([])
    let show = DemoShow(
      folder: scratch.folder, pace: .hurried, now: { Scratch.time },
      say: { line in lines.withLock { $0.append(line) } })
    try await show.play()
    let text = lines.withLock { $0 }.joined(separator: "\n")
    for words in ["partition", "olives", "accordion", "byte for byte"] {
      #expect(text.contains(words))
    }
  }

  @Test("fails with a sentence where no store can be made")
  func noFolder() async throws {
    let show = DemoShow(
      folder: "/proc/nowhere", pace: .hurried, now: { Scratch.time }, say: { _ in })
    await #expect(throws: (any Error).self) { try await show.play() }
  }
}
