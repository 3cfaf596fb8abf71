// How every process that has the store open comes to know that a snapshot was taken over.
extension ReplicaStore {
  private static let installationSetting = "snapshots"

  /// Notes that a snapshot has replaced all that the store shows: every row may be another one now.
  func noteInstallation() throws(StoreError) {
    seenInstallation = try installation() &+ 1
    try setCounter(Self.installationSetting, to: seenInstallation)
  }

  func installation() throws(StoreError) -> UInt64 { try counter(Self.installationSetting) }

  /// Forgets everything when another process has taken a snapshot over.
  ///
  /// - Returns: whether one has.
  func refreshInstallation() throws(StoreError) -> Bool {
    let installation = try installation()
    guard installation != seenInstallation else { return false }
    seenInstallation = installation
    forgetWhatIsKnown()
    return true
  }
}
