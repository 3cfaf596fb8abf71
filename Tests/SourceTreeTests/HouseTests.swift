import Testing

/// The rows of the house. A module imports only from rows below its own.
private let rows: [[String]] = [
  ["RunStructures", "ByteCoding", "JSONCoding", "CSodium", "CSQLite", "CZstd", "Sabotages"],
  [
    "Causality", "Sealing", "ByteCompression", "SQLiteBridge", "Merging", "TerminalKit",
    "EditingTraces",
  ],
  ["Documents", "Segments"],
  ["ChangeCoding", "SegmentStore", "SyncProtocol", "DocumentModel"],
  ["ReplicaStore"],
  ["Replication", "Relaying", "Transports"],
  ["Skerry"],
  ["CommandKit", "NotesApp", "SimulationKit", "RelayService"],
  ["SkerryCommand", "RelayCommand", "NotesCommand", "SimulatorCommand", "BenchmarkCommand"],
]

private let rowOfModule: [String: Int] = Dictionary(
  uniqueKeysWithValues: rows.enumerated().flatMap { row, names in names.map { ($0, row) } })

/// Everything up to the joint is synchronous and deterministic.
private let core: Set<String> = Set(rows[...4].joined()).union(["Replication", "Relaying"])
  .subtracting(["TerminalKit", "EditingTraces"])

@Suite("The house")
struct HouseTests {
  @Test("every folder of sources is a module with a row")
  func everyModuleHasARow() {
    let unknown = Set(SourceTree.sources.map(\.target)).subtracting(rowOfModule.keys)
    #expect(unknown.isEmpty)
    #expect(SourceTree.sources.count > 50, "the source tree was not found")
  }

  @Test("a module imports only from rows below its own")
  func importsPointDown() {
    for file in SourceTree.sources {
      guard let row = rowOfModule[file.target] else { continue }
      for (module, line) in file.imports {
        guard let imported = rowOfModule[module] else { continue }
        #expect(
          imported < row,
          "\(file.path):\(line) imports \(module), which is not below \(file.target)")
      }
    }
  }

  @Test("the sync arm never sees a document, and the document arm never sees a store or a peer")
  func theArmsStayApart() {
    let sync: Set = [
      "Segments", "SegmentStore", "SyncProtocol", "Transports", "Relaying", "RelayService",
    ]
    let document: Set = ["Documents", "ChangeCoding"]
    let forbidden: [(modules: Set<String>, imports: Set<String>)] = [
      (sync, ["Documents", "ChangeCoding", "ReplicaStore"]),
      (document, ["Segments", "SegmentStore", "SyncProtocol", "SQLiteBridge", "Sealing"]),
    ]
    for file in SourceTree.sources {
      for rule in forbidden where rule.modules.contains(file.target) {
        for (module, line) in file.imports {
          #expect(!rule.imports.contains(module), "\(file.path):\(line) imports \(module)")
        }
      }
    }
  }

  @Test("the core has no concurrency, clock, chance, socket or Foundation")
  func theCoreIsDeterministic() {
    let words = [
      "async ", "await ", "Task {", "Task.", "Date()", "UUID()", "SystemRandomNumberGenerator",
      ".random(", ".shuffle", "ContinuousClock", "SuspendingClock", "clock_gettime", "gettimeofday",
    ]
    let modules: Set = ["Foundation", "FoundationEssentials", "Dispatch", "NIOCore", "NIOPosix"]
    for file in SourceTree.sources where core.contains(file.target) {
      for (module, line) in file.imports {
        #expect(!modules.contains(module), "\(file.path):\(line) imports \(module)")
      }
      for (text, line) in file.code {
        for word in words {
          #expect(!text.contains(word), "\(file.path):\(line) uses \(word)")
        }
      }
    }
  }

  @Test("nobody but the simulator puts another cipher in libsodium's place")
  func theCipherIsReplacedBySimulationsOnly() {
    for file in SourceTree.files(in: ["Sources", "Demo", "Simulations", "Tests"]) {
      if ["Sealing", "SimulationKit", "SimulationKitTests", "SourceTreeTests"].contains(file.target)
      {
        continue
      }
      for (text, line) in file.code {
        for word in ["CipherSuite", "StandInCipher", "replaceOnThisThread"] {
          #expect(!text.contains(word), "\(file.path):\(line) uses \(word)")
        }
      }
    }
    let callers = SourceTree.sources.filter { file in
      file.code.contains { $0.text.contains("replaceOnThisThread") }
    }
    #expect(
      callers.map(\.path) == [
        "Simulations/SimulationKit/Cipher/StandInCipher.swift", "Sources/Sealing/CipherSuite.swift",
      ])
  }

  @Test("the model of the documents shares no machinery with what it is held against")
  func theModelStandsAlone() {
    let words = [
      "Document(", "Editor", "DocumentHistory", "EventGraph", "SequenceLog", "SequenceWalker",
      "TextRope", "Register(", "RunStructures",
    ]
    let model = SourceTree.sources.filter { $0.path.hasPrefix("Simulations/DocumentModel/Model/") }
    #expect(!model.isEmpty)
    for file in model {
      for (text, line) in file.code {
        for word in words where !text.contains("Model\(word)") {
          #expect(!text.contains(word), "\(file.path):\(line) uses \(word)")
        }
      }
    }
  }

  @Test("SQL is written in the stores and nowhere else")
  func sqlStaysInTheStores() {
    let rooms: Set = ["SQLiteBridge", "SegmentStore", "ReplicaStore", "BenchmarkCommand"]
    let phrases = ["SELECT ", "INSERT INTO", "DELETE FROM", "CREATE TABLE", "UPDATE "]
    for file in SourceTree.sources where !rooms.contains(file.target) {
      for (text, line) in file.code {
        for phrase in phrases {
          #expect(!text.contains(phrase), "\(file.path):\(line) writes SQL")
        }
      }
    }
  }
}
