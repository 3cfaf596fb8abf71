/// What a relay has counted since it started.
package struct RelayCounters: Sendable, Equatable {
  package internal(set) var linksAccepted: UInt64 = 0
  package internal(set) var linksRefused: UInt64 = 0
  package internal(set) var strangersRefused: UInt64 = 0
  package internal(set) var bytesReceived: UInt64 = 0
  package internal(set) var bytesSent: UInt64 = 0
  package internal(set) var segmentsReceived: UInt64 = 0
  package internal(set) var segmentsStored: UInt64 = 0
  package internal(set) var segmentsDuplicate: UInt64 = 0
  package internal(set) var segmentsRefused: UInt64 = 0
  package internal(set) var segmentsOverQuota: UInt64 = 0
  package internal(set) var segmentsSent: UInt64 = 0
  package internal(set) var recordsReceived: UInt64 = 0
  package internal(set) var recordsRefused: UInt64 = 0
  package internal(set) var commits: UInt64 = 0
  package internal(set) var commitsFailed: UInt64 = 0
}

/// How a relay is at one moment.
package struct RelayStatus: Sendable, Equatable {
  package var counters: RelayCounters
  package var links: Int
  package var workspaces: Int
  package var openWorkspaces: Int
  /// Why it cannot store at present.
  package var failure: String?
  package var isShuttingDown: Bool

  package var segmentsStored: UInt64 { counters.segmentsStored }
  package var segmentsRefused: UInt64 { counters.segmentsRefused }
  package var strangersRefused: UInt64 { counters.strangersRefused }
  package var commits: UInt64 { counters.commits }

  /// Nil when the relay can serve; else why not.
  package var complaint: String? {
    if let failure { return failure }
    return isShuttingDown ? "shutting down" : nil
  }
}
