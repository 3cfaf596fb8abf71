// swift-tools-version: 6.2
import PackageDescription

// The house, row by row. A target imports only from rows below its own; `SourceTreeTests` holds the
// sources to it, and the manifest is its one declaration.

let settings: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let heap: Target.Dependency = .product(name: "HeapModule", package: "swift-collections")
let argumentParser: Target.Dependency = .product(
  name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let nio: [Target.Dependency] = [
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
  .product(name: "NIOHTTP1", package: "swift-nio"),
  .product(name: "NIOWebSocket", package: "swift-nio"),
  .product(name: "NIOSSL", package: "swift-nio-ssl"),
]

/// `documents` lie beside the sources and are not built: the normative formats. `embedded` files
/// become bytes in the program, so that it stays one file.
func library(
  _ name: String, in folder: String = "Sources", _ dependencies: [Target.Dependency] = [],
  documents: [String] = [], embedded: [Resource]? = nil
) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "\(folder)/\(name)", exclude: documents,
    resources: embedded, swiftSettings: settings)
}

func program(
  _ name: String, in folder: String = "Sources", _ dependencies: [Target.Dependency],
  embedded: [Resource]? = nil
) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies + [argumentParser], path: "\(folder)/\(name)",
    resources: embedded, swiftSettings: settings)
}

func tests(
  of name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource]? = nil
) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: dependencies + ["TestSupport"],
    path: "Tests/\(name)Tests", resources: resources, swiftSettings: settings)
}

let package = Package(
  name: "skerry",
  platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
  products: [
    .library(name: "Skerry", targets: ["Skerry"]),
    .executable(name: "skerry", targets: ["SkerryCommand"]),
    .executable(name: "skerry-relay", targets: ["RelayCommand"]),
    .executable(name: "skerry-sim", targets: ["SimulatorCommand"]),
    .executable(name: "skerry-bench", targets: ["BenchmarkCommand"]),
    .executable(name: "notes", targets: ["NotesCommand"]),
  ],
  traits: [
    .trait(
      name: "Sabotages",
      description: "Release builds of the simulator in which known bugs can be planted")
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    // 0
    .systemLibrary(
      name: "CSodium", path: "Sources/CSodium", pkgConfig: "libsodium",
      providers: [.apt(["libsodium-dev"]), .brew(["libsodium"])]),
    .systemLibrary(
      name: "CSQLite", path: "Sources/CSQLite", pkgConfig: "sqlite3",
      providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),
    .systemLibrary(
      name: "CZstd", path: "Sources/CZstd", pkgConfig: "libzstd",
      providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),
    library("RunStructures"),
    library("ByteCoding"),
    library("JSONCoding"),
    .target(
      name: "Sabotages", path: "Sources/Sabotages",
      swiftSettings: settings + [
        .define("SABOTAGES", .when(configuration: .debug)),
        .define("SABOTAGES", .when(traits: ["Sabotages"])),
      ]),

    // 1
    library("Causality", ["ByteCoding", "RunStructures", "Sabotages"]),
    library("Sealing", ["ByteCoding", "CSodium"], documents: ["FORMAT.md"]),
    library("ByteCompression", ["ByteCoding", "CZstd"]),
    library("SQLiteBridge", ["CSQLite", "Sabotages"]),
    library("Merging", ["JSONCoding"]),
    library("TerminalKit", in: "Demo"),
    library("EditingTraces", in: "Simulations"),

    // 2
    library(
      "Documents",
      ["ByteCoding", "Causality", "JSONCoding", "Merging", "RunStructures", "Sabotages"],
      documents: ["FORMAT.md"]),
    library(
      "Segments", ["ByteCoding", "Causality", "Sealing", "Sabotages"], documents: ["FORMAT.md"]),

    // 3
    library(
      "ChangeCoding",
      [
        "ByteCoding", "ByteCompression", "Causality", "Documents", "RunStructures", "Sabotages",
      ],
      documents: ["FORMAT.md"]),
    library(
      "SegmentStore",
      ["ByteCoding", "Causality", "Segments", "Sealing", "SQLiteBridge", "Sabotages"]),
    library(
      "SyncProtocol", ["ByteCoding", "Causality", "Segments", "Sealing", deque, "Sabotages"],
      documents: ["FORMAT.md"]),

    library(
      "DocumentModel", in: "Simulations", ["ByteCoding", "Causality", "Documents", "JSONCoding"]),

    // 4
    library(
      "ReplicaStore",
      [
        "ByteCoding", "ByteCompression", "Causality", "ChangeCoding", "Documents", "JSONCoding",
        "Merging", "Sealing", "Segments", "SegmentStore", "SQLiteBridge", "Sabotages",
      ]),

    // 5
    library(
      "Replication",
      [
        "ByteCoding", "Causality", "Documents", "ReplicaStore", "Sealing", "Segments",
        "SegmentStore", "SyncProtocol", deque, "Sabotages",
      ]),
    library(
      "Relaying",
      [
        "ByteCoding", "Causality", "Sealing", "Segments", "SegmentStore", "SQLiteBridge",
        "SyncProtocol", "Sabotages",
      ]),
    library("Transports", nio + [logging]),

    // 6
    library(
      "Skerry",
      [
        "ByteCoding", "Causality", "Documents", "JSONCoding", "Merging", "ReplicaStore",
        "Replication", "Sealing", "Segments", "SQLiteBridge", "SyncProtocol", "Transports", logging,
        metrics,
      ]),

    // 7
    library("CommandKit", ["JSONCoding", "Skerry", argumentParser]),
    library("NotesApp", in: "Demo", ["JSONCoding", "Merging", "Skerry", "TerminalKit"]),
    library(
      "RelayService",
      [
        "ByteCoding", "Relaying", "Sealing", "Segments", "SegmentStore", "SQLiteBridge",
        "Transports", logging,
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ]),
    library(
      "SimulationKit", in: "Simulations",
      [
        "ByteCoding", "ByteCompression", "CSQLite", "Causality", "ChangeCoding", "DocumentModel",
        "Documents", "JSONCoding", "Relaying", "ReplicaStore", "Replication", "Sealing", "Segments",
        "SegmentStore", "Sabotages", "SQLiteBridge", "SyncProtocol", heap,
      ], embedded: [.embedInCode("Scenarios"), .embedInCode("Timeline/Page")]),

    // 8
    program("SkerryCommand", ["CommandKit", "JSONCoding", "Skerry"]),
    program("RelayCommand", ["JSONCoding", "RelayService", "Relaying"]),
    program(
      "NotesCommand", in: "Demo",
      ["CommandKit", "JSONCoding", "NotesApp", "Skerry", "TerminalKit"]),
    program(
      "SimulatorCommand", in: "Simulations", ["CommandKit", "JSONCoding", "SimulationKit"]),
    program(
      "BenchmarkCommand", in: "Simulations",
      [
        "ByteCompression", "CSQLite", "Causality", "ChangeCoding", "CommandKit", "Documents",
        "EditingTraces", "JSONCoding", "RelayService", "ReplicaStore", "SQLiteBridge", "Sealing",
        "SimulationKit", "Skerry",
      ], embedded: [.embedInCode("Peers/peers.py")]),

    // Tests, organised like the sources.
    .target(
      name: "TestSupport", dependencies: ["EditingTraces"], path: "Tests/TestSupport",
      swiftSettings: settings),
    tests(of: "RunStructures", ["RunStructures"]),
    tests(of: "Sabotages", ["Sabotages"]),
    tests(of: "ByteCoding", ["ByteCoding"]),
    tests(of: "JSONCoding", ["JSONCoding"]),
    tests(of: "Causality", ["ByteCoding", "Causality"]),
    tests(of: "Sealing", ["ByteCoding", "CSodium", "Sealing"]),
    tests(of: "SQLiteBridge", ["SQLiteBridge"]),
    tests(of: "Merging", ["JSONCoding", "Merging"]),
    tests(of: "TerminalKit", ["TerminalKit"]),
    tests(
      of: "Documents",
      [
        "ByteCoding", "Causality", "DocumentModel", "Documents", "JSONCoding", "EditingTraces",
        "RunStructures",
      ]),
    tests(of: "DocumentModel", ["Causality", "DocumentModel", "Documents", "JSONCoding"]),
    tests(of: "Segments", ["ByteCoding", "Causality", "Sealing", "Segments"]),
    tests(of: "ByteCompression", ["ByteCoding", "ByteCompression"]),
    tests(
      of: "ChangeCoding",
      [
        "ByteCoding", "ByteCompression", "Causality", "ChangeCoding", "Documents", "JSONCoding",
      ]),
    tests(
      of: "SegmentStore",
      ["ByteCoding", "Causality", "Sealing", "Segments", "SegmentStore", "SQLiteBridge"]),
    tests(
      of: "SyncProtocol", ["ByteCoding", "Causality", "Sealing", "Segments", "SyncProtocol"]),
    tests(
      of: "ReplicaStore",
      [
        "ByteCoding", "Causality", "ChangeCoding", "Documents", "JSONCoding", "ReplicaStore",
        "Sealing", "Segments", "SegmentStore", "SQLiteBridge", "EditingTraces",
      ], resources: [.copy("Formats")]),
    tests(
      of: "Replication",
      [
        "ByteCoding", "Causality", "Documents", "JSONCoding", "ReplicaStore", "Replication",
        "Sealing", "Segments", "SegmentStore", "SQLiteBridge", "SyncProtocol", "EditingTraces",
      ]),
    tests(of: "Transports", ["Transports"]),
    tests(
      of: "Skerry",
      [
        "JSONCoding", "Skerry", "EditingTraces",
        metrics, .product(name: "MetricsTestKit", package: "swift-metrics"),
      ]),
    .target(
      name: "RelayTestSupport",
      dependencies: ["ByteCoding", "Causality", "Sealing", "Segments", "SyncProtocol"],
      path: "Tests/RelayTestSupport", swiftSettings: settings),
    tests(
      of: "Relaying",
      [
        "ByteCoding", "Causality", "Relaying", "RelayService", "RelayTestSupport", "Sealing",
        "Segments", "SegmentStore", "SQLiteBridge", "SyncProtocol",
      ]),
    tests(
      of: "RelayService",
      [
        "Causality", "RelayCommand", "RelayTestSupport", "Sealing", "Segments", "SyncProtocol",
        "Transports",
      ]),
    tests(
      of: "SimulationKit",
      [
        "Causality", "DocumentModel", "Documents", "JSONCoding", "ReplicaStore", "Replication",
        "SQLiteBridge", "Sabotages", "Sealing", "Segments", "SimulationKit",
      ]),
    tests(of: "NotesApp", ["JSONCoding", "NotesApp", "Skerry", "TerminalKit"]),
    tests(
      of: "Command",
      [
        "CommandKit", "JSONCoding", "Skerry", "SkerryCommand", "RelayCommand", "NotesCommand",
        "SimulationKit", "SimulatorCommand", "BenchmarkCommand",
      ]),
    tests(of: "SourceTree"),
  ]
)
