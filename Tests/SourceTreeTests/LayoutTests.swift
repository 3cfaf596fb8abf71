import Testing

@Suite("The layout of the sources")
struct LayoutTests {
  @Test("a line fits into 100 columns")
  func linesFit() {
    let files = SourceTree.files(in: ["Sources", "Demo", "Simulations", "Tests"])
    for file in files {
      for (index, line) in file.lines.enumerated() where line.count > 100 {
        Issue.record("\(file.path):\(index + 1) has \(line.count) columns")
      }
    }
  }

  @Test("a file has one subject and fits in the head")
  func filesAreShort() {
    for file in SourceTree.sources {
      #expect(file.lines.count <= 500, "\(file.path) has \(file.lines.count) lines")
    }
  }

  @Test("nothing is left behind: no placeholder, no note to self, no helper without a subject")
  func nothingIsLeftBehind() {
    for file in SourceTree.sources {
      let name = file.path.split(separator: "/").last ?? ""
      for word in ["Placeholder", "Utils", "Helpers", "Manager"] {
        #expect(!name.contains(word), "\(file.path) is named for nothing in particular")
      }
      for (index, line) in file.lines.enumerated() {
        for mark in ["TODO", "FIXME", "XXX", "HACK"] {
          #expect(!line.contains(mark), "\(file.path):\(index + 1) says \(mark)")
        }
      }
    }
  }
}
