import Documents
import JSONCoding

/// What an operation costs as what it works on grows, ten times a line. What a person does must
/// cost the same on every line; merging must grow with what is merged.
enum GrowthBenchmarks {
  static func run(_ bench: Bench) throws {
    try StoreGrowth.run(bench)
    for exponent in 3...8 { try text(bench, scalars: power(exponent)) }
    for exponent in 3...6 { try list(bench, elements: power(exponent)) }
    for exponent in 3...6 {
      try TextBenchmarks.offline(bench, "growth.mergeOffline", operations: power(exponent))
    }
    for exponent in 3...7 { try history(bench, changes: power(exponent)) }
    try versions(bench)
  }

  private static func power(_ exponent: Int) -> Int {
    (0..<exponent).reduce(1) { power, _ in power * 10 }
  }

  /// A text of so many scalars: opening it, and keystrokes all over it.
  private static func text(_ bench: Bench, scalars: Int) throws {
    let (document, body) = try large(scalars)
    let state = document.encodeState()
    try bench.time(
      "growth.open", "\(scalars) scalars", prepare: {},
      check: { try $0.count(at: ["body"]) == scalars },
      measure: { try Document(id: TraceEdits.document, state: state) })
    let count = 10_000
    try bench.time(
      "growth.keystroke", "\(scalars) scalars", each: count, prepare: {},
      check: { try document.count(at: ["body"]) == scalars },
      measure: {
        let editor = document.beginEdit(TraceEdits.change(1_000), lamport: 1_000)
        var place = 0
        for _ in 0..<count / 2 {
          // Steps of an odd prime come by everywhere.
          place = (place + 7_368_787) % scalars
          try editor.insertText(body, at: place, "x")
          try editor.removeText(body, at: place, count: 1)
        }
        _ = try editor.finish()
      })
  }

  private static func large(_ scalars: Int) throws -> (Document, ContainerHandle) {
    let document = Document(id: TraceEdits.document)
    var editor = document.beginEdit(TraceEdits.change(1), lamport: 1)
    try editor.make(["body"], .text)
    let body = try editor.text(at: ["body"])
    var length = 0
    var sequence: UInt64 = 1
    // More than one transaction takes.
    while length < scalars {
      let piece = min(scalars - length, 1_000_000)
      try editor.insertText(body, at: length, String(repeating: "t", count: piece))
      length += piece
      _ = try editor.finish()
      sequence += 1
      editor = document.beginEdit(TraceEdits.change(sequence), lamport: sequence)
    }
    return (document, body)
  }

  /// A list of so many elements: insertions and removals all over it.
  private static func list(_ bench: Bench, elements: Int) throws {
    let document = Document(id: TraceEdits.document)
    let editor = document.beginEdit(TraceEdits.change(1), lamport: 1)
    try editor.make(["items"], .list)
    try editor.splice(
      ["items"], at: 0, delete: 0, insert: (0..<elements).map { .integer(Int64($0)) })
    _ = try editor.finish()
    let count = 2_000
    try bench.time(
      "growth.listEdit", "\(elements) elements", each: count, prepare: {},
      check: { try document.count(at: ["items"]) == elements },
      measure: {
        let editor = document.beginEdit(TraceEdits.change(1_000), lamport: 1_000)
        var place = 0
        for _ in 0..<count / 2 {
          place = (place + 7_368_787) % elements
          try editor.splice(["items"], at: place, delete: 0, insert: [.null])
          try editor.splice(["items"], at: place, delete: 1, insert: [])
        }
        _ = try editor.finish()
      })
  }

  /// A recorded session of so many keystrokes: one more, and what it adds to the history.
  private static func history(_ bench: Bench, changes: Int) throws {
    let (editor, body) = try TraceEdits.makeText()
    var sequence: UInt64 = 1
    func type(at position: Int) throws {
      sequence += 1
      editor.begin(TraceEdits.change(sequence), lamport: sequence, time: .epoch)
      try editor.insertText(body, at: position, "x")
      _ = try editor.commit()
    }
    for index in 0..<changes { try type(at: index) }
    let count = 1_000
    var length = changes
    try bench.time(
      "growth.recordedKeystroke", "\(changes) changes", each: count, prepare: {},
      check: { try editor.document.count(at: ["body"]) == length },
      measure: {
        for _ in 0..<count {
          try type(at: length / 2)
          length += 1
        }
      })
  }
}
