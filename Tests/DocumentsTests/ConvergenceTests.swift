import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

@Suite struct ConvergenceTests {
  /// Several replicas edit, exchange parts of what they know in any batches, close and open again;
  /// whoever has seen the same changes holds the same bytes.
  @Test(arguments: 0..<20)
  func randomHistoriesConverge(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let replicaCount = Int.random(in: 2...4, using: &random)
    var replicas = (0..<replicaCount).map { DocumentReplica($0) }
    var versions: [(VersionVector, String, [UInt8])] = []
    for _ in 0..<60 {
      let mine = Int.random(in: 0..<replicaCount, using: &random)
      switch Int.random(in: 0..<10, using: &random) {
      case 0...6:
        let count = Int.random(in: 1...4, using: &random)
        try replicas[mine].edit { editor in
          for _ in 0..<count {
            do {
              try RandomEditing.edit(editor, &random)
            } catch is EditError {}
          }
        }
      case 7, 8:
        let other = replicas[Int.random(in: 0..<replicaCount, using: &random)]
        let missing = replicas[mine].missing(from: other)
        let part = Int.random(in: 0...missing.count, using: &random)
        for batch in split(Array(missing.prefix(part)), &random) {
          try replicas[mine].receive(batch)
        }
      default:
        switch Int.random(in: 0..<3, using: &random) {
        case 0: try replicas[mine].reopen()
        case 1: replicas[mine].document.releaseHistory()
        default:
          versions.append(
            (
              replicas[mine].vector, replicas[mine].canonical,
              replicas[mine].document.encodeState()
            ))
        }
      }
    }
    for target in replicas.indices {
      for source in replicas.indices where source != target {
        for batch in split(replicas[target].missing(from: replicas[source]), &random) {
          try replicas[target].receive(batch)
        }
      }
    }
    let expected = replicas[0]
    let state = expected.document.encodeState()
    for replica in replicas {
      #expect(replica.canonical == expected.canonical)
      #expect(replica.canonicalBytes == expected.canonicalBytes)
      #expect(replica.document.encodeState() == state)
    }
    // Any other causal order, any batches.
    for _ in 0..<2 {
      var fresh = DocumentReplica(9)
      for batch in split(shuffledCausally(expected.log, &random), &random) {
        if Int.random(in: 0..<4, using: &random) == 0 { try fresh.reopen() }
        try fresh.receive(batch)
      }
      #expect(fresh.canonical == expected.canonical)
      #expect(fresh.document.encodeState() == state)
      // Everything once more changes nothing.
      try fresh.receive(shuffledCausally(expected.log, &random))
      #expect(fresh.document.encodeState() == state)
    }
    let reopened = try Document(id: documentID, state: state)
    #expect(reopened.encodeState() == state)
    #expect(reopened.canonicalJSON() == expected.document.canonicalJSON())
    for (vector, canonical, bytes) in versions {
      let past = try Document.replaying(documentID, expected.log, at: vector)
      #expect(past.canonicalJSON().text() == canonical)
      #expect(past.encodeState() == bytes)
    }
  }

  /// The canonical bytes tell states apart as the canonical JSON does.
  @Test(arguments: 0..<10)
  func canonicalBytesSayWhatTheJSONSays(seed: UInt64) throws {
    var random = SeededGenerator(seed: 5_000 + seed)
    var replicas = (0..<2).map { DocumentReplica($0) }
    var bytesOfJSON: [String: [UInt8]] = [:]
    var jsonOfBytes: [[UInt8]: String] = [:]
    for _ in 0..<60 {
      let mine = Int.random(in: 0..<2, using: &random)
      if Bool.random(using: &random) {
        try replicas[mine].edit { editor in
          do { try RandomEditing.edit(editor, &random) } catch is EditError {}
        }
      } else {
        try replicas[mine].receive(replicas[mine].missing(from: replicas[1 - mine]))
      }
      let (json, bytes) = (replicas[mine].canonical, replicas[mine].canonicalBytes)
      #expect(bytesOfJSON.updateValue(bytes, forKey: json) ?? bytes == bytes)
      #expect(jsonOfBytes.updateValue(json, forKey: bytes) ?? json == json)
    }
    #expect(jsonOfBytes.count > 5)
  }

  /// Opening from state and going on equals going on.
  @Test(arguments: 0..<20)
  func reopeningAtEveryStepChangesNothing(seed: UInt64) throws {
    var random = SeededGenerator(seed: 1_000 + seed)
    var kept = DocumentReplica(0)
    var reopened = DocumentReplica(0)
    for _ in 0..<40 {
      var again = random
      try kept.edit { editor in
        do { try RandomEditing.edit(editor, &random) } catch is EditError {}
      }
      try reopened.edit { editor in
        do { try RandomEditing.edit(editor, &again) } catch is EditError {}
      }
      try reopened.reopen()
      #expect(reopened.document.encodeState() == kept.document.encodeState())
      #expect(reopened.log == kept.log)
    }
  }
}
