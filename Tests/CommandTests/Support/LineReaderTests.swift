import CommandKit
import Foundation
import Testing

@Suite("The line reader")
struct LineReaderTests {
  /// Everything a reader gives out for what `write` puts into a pipe.
  private func lines(_ write: @escaping @Sendable (FileHandle) -> Void) async throws
    -> [LineReader.Line]
  {
    let pipe = Pipe()
    let writer = pipe.fileHandleForWriting
    Thread.detachNewThread {
      write(writer)
      try? writer.close()
    }
    let reader = LineReader(descriptor: pipe.fileHandleForReading.fileDescriptor)
    var lines: [LineReader.Line] = []
    while let group = try await reader.nextGroup() {
      #expect(group.count <= LineReader.groupLinesMax)
      lines += group
    }
    return lines
  }

  @Test("hands out every line in order, the last without a line feed too")
  func everyLine() async throws {
    let lines = try await lines { $0.write(Data("a\nbb\r\n\n  \nccc".utf8)) }
    #expect(lines == [.text(Array("a".utf8)), .text(Array("bb\r".utf8)), .text(Array("ccc".utf8))])
  }

  @Test("hands out nothing for nothing")
  func nothing() async throws {
    #expect(try await lines { _ in }.isEmpty)
  }

  @Test("keeps lines whole however they arrive")
  func piecemeal() async throws {
    let expected = (0..<5_000).map { "line \($0) " + String(repeating: "x", count: $0 % 97) }
    let bytes = Data(expected.joined(separator: "\n").utf8)
    let lines = try await lines { handle in
      var rest = bytes[...]
      var size = 1
      while !rest.isEmpty {
        handle.write(Data(rest.prefix(size)))
        rest = rest.dropFirst(size)
        size = size * 7 % 8_191 + 1
      }
    }
    #expect(lines == expected.map { .text(Array($0.utf8)) })
  }

  @Test("gives a line out at once, while the writer waits")
  func atOnce() async throws {
    let pipe = Pipe()
    let reader = LineReader(descriptor: pipe.fileHandleForReading.fileDescriptor)
    for number in 0..<20 {
      pipe.fileHandleForWriting.write(Data("\(number)\n".utf8))
      let group = try await reader.nextGroup()
      #expect(group == [.text(Array("\(number)".utf8))])
    }
    try pipe.fileHandleForWriting.close()
    #expect(try await reader.nextGroup() == nil)
  }
}
