internal import Relaying
internal import SQLiteBridge
internal import Sealing
internal import SegmentStore
internal import Segments

/// Verifies everything that a relay has stored, with nothing but what is stored: databases, chains,
/// signatures and the membership of those who signed. Reads only, so a relay may go on serving.
package enum RelayCheck {
  /// What was found about one workspace.
  package struct Finding: Sendable {
    package let workspace: String
    package internal(set) var segments = 0
    package internal(set) var bytes = 0
    package internal(set) var devices = 0
    /// What is wrong, one sentence each; empty when nothing is.
    package internal(set) var problems: [String] = []
  }

  /// Checks one workspace after another; `report` hears of each.
  ///
  /// Complexity: O(bytes).
  ///
  /// - Throws: when the folder is no relay's, or cannot be listed.
  package static func run(
    data: String, report: (Finding) throws -> Void
  ) throws {
    guard RelayFolder.exists(path: data) else {
      throw RelayError(
        .inputOutput, "\(data) is not the data folder of a relay: check the path given to --data.")
    }
    let storage = RelayFolder.storage(path: data)
    for workspace in try storage.workspaces() {
      try report(check(workspace, in: storage))
    }
  }

  private static func check(_ workspace: WorkspaceID, in storage: RelayStorage) -> Finding {
    var finding = Finding(workspace: workspace.description)
    do {
      let connection = try storage.open(workspace, .read)
      defer { connection.close() }
      finding.problems = try connection.integrityCheck().map { "the database: \($0)" }
      try connection.transaction(.read) { () throws(SegmentStoreError) in
        try inspect(SegmentStore(connection), workspace, &finding)
      }
    } catch {
      finding.problems.append("\(error)")
    }
    return finding
  }

  private static func inspect(
    _ store: SegmentStore, _ workspace: WorkspaceID, _ finding: inout Finding
  ) throws(SegmentStoreError) {
    finding.problems += try store.check().map(\.description)
    let membership = membership(try store.membershipRecords(), workspace, &finding)
    finding.devices = membership.devices.count
    var position: Int64 = 0
    while true {
      let segments: [StoredSegment]
      do throws(SegmentStoreError) {
        segments = try store.segments(
          afterPosition: position, limitBytes: 4 << 20, limitCount: 1_024)
      } catch {
        // A damaged segment is named above; the ones behind it are still to be looked at.
        guard case .damaged(_, _, let damaged) = error, damaged > position else { throw error }
        position = damaged
        continue
      }
      guard let last = segments.last else { return }
      position = last.position
      for segment in segments {
        finding.segments += 1
        finding.bytes += segment.bytes.count
        if let problem = problem(segment, workspace, membership) {
          finding.problems.append("segment \(segment.position): \(problem)")
        }
      }
    }
  }

  private static func membership(
    _ records: [[UInt8]], _ workspace: WorkspaceID, _ finding: inout Finding
  ) -> Membership {
    var membership = Membership(workspace: workspace)
    do throws(MembershipError) {
      var parsed: [MembershipRecord] = []
      for bytes in records { parsed.append(try MembershipRecord(parsing: bytes)) }
      try membership.insert(parsed)
    } catch {
      finding.problems.append("a membership record: \(error)")
      return membership
    }
    if !membership.waiting.isEmpty {
      finding.problems.append(
        "\(membership.waiting.count) membership records build on others that are missing")
    }
    return membership
  }

  private static func problem(
    _ stored: StoredSegment, _ workspace: WorkspaceID, _ membership: Membership
  ) -> String? {
    do {
      let segment = try stored.parsed()
      guard segment.header.workspace == workspace else { return "it is another workspace's" }
      try segment.verifySignature(by: try membership.verifier(for: segment.header.origin))
      return nil
    } catch {
      return "\(error)"
    }
  }
}
