import Causality
import ChangeCoding
import Sealing

/// P6: replicas with equal version vectors hold equal state, byte for byte. Where a member has told
/// two stories under one name, those who heard the same one do; and of two releases those of the
/// same one, since an earlier one shows nothing of what it does not understand.
struct ConvergenceChecker {
  /// What a replica has seen.
  struct Sight: Hashable {
    var version: VersionVector
    /// Which of two stories, for each origin that told two.
    var stories: [Digest?]
    var language: OperationLanguage
  }

  private struct Sighting {
    var digest: StateDigest
    var node: Int
    var at: Int
  }

  /// Only looked up in.
  private var sightings: [Sight: Sighting] = [:]

  /// Compares what a node holds with what any node ever held at the same version.
  mutating func observe(
    node: Int, version: VersionVector, stories: [Digest?] = [],
    language: OperationLanguage = .current, digest: StateDigest, at time: Int
  ) -> Violation? {
    let sight = Sight(version: version, stories: stories, language: language)
    guard let earlier = sightings[sight] else {
      sightings[sight] = Sighting(digest: digest, node: node, at: time)
      return nil
    }
    guard earlier.digest != digest else { return nil }
    return Violation(
      "P6", at: time,
      "node \(node) holds another state than node \(earlier.node) held at \(earlier.at) ms with "
        + "the same version vector")
  }
}
