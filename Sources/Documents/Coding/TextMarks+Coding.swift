import ByteCoding
import Causality
import JSONCoding

// The layout is in FORMAT.md of this module; `StateReader` reads it.
extension TextMarks {
  /// The marks that some character has, in the order in which they win.
  private var used: [Int] {
    var used: Set<Int> = []
    for run in runs { used.formUnion(sets[run.set]) }
    return used.sorted { MarkEntry.precedes(table[$0], table[$1]) }
  }

  /// Those who put the marks that some character has.
  var origins: Set<Origin> { Set(used.map { table[$0].event.change.origin }) }

  /// - Parameter change: writes the name of a change.
  func write(to writer: inout ByteWriter, change: (ChangeID, inout ByteWriter) -> Void) {
    let used = used
    var numbers: [Int: Int] = [:]
    writer.write(count: used.count)
    for (number, index) in used.enumerated() {
      numbers[index] = number
      let mark = table[index]
      change(mark.event.change, &writer)
      writer.write(varint: UInt64(mark.event.index))
      writer.write(varint: mark.lamport)
      writer.write(string: mark.name.text)
      writer.write(mark.expansion.rawValue)
      mark.value.write(to: &writer)
    }
    for run in runs {
      writer.write(count: run.count)
      writer.write(count: sets[run.set].count)
      for mark in sets[run.set] { writer.write(count: numbers[mark] ?? 0) }
    }
  }

  /// Each stretch with its marks, also those that take one away.
  var canonicalJSON: JSONValue {
    .array(
      runs.map { run in
        let marks = sets[run.set].map { index in
          let mark = table[index]
          return JSONObject.Member(
            key: mark.name.text,
            value: [
              "event": .string(mark.event.description), "lamport": .count(mark.lamport),
              "expand": .integer(Int64(mark.expansion.rawValue)),
              "value": mark.value.canonicalJSON,
            ])
        }
        return [
          "count": .count(UInt64(run.count)), "marks": .object(JSONObject(uniqueMembers: marks)),
        ]
      })
  }
}
