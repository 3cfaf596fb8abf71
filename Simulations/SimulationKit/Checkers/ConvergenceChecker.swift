import Causality

/// P6: replicas with equal version vectors hold equal state, byte for byte.
struct ConvergenceChecker {
  private struct Sighting {
    var digest: StateDigest
    var node: Int
    var at: Int
  }

  /// Only looked up in.
  private var sightings: [VersionVector: Sighting] = [:]

  /// Compares what a node holds with what any node ever held at the same version.
  mutating func observe(
    node: Int, version: VersionVector, digest: StateDigest, at time: Int
  ) -> Violation? {
    guard let earlier = sightings[version] else {
      sightings[version] = Sighting(digest: digest, node: node, at: time)
      return nil
    }
    guard earlier.digest != digest else { return nil }
    return Violation(
      "P6", at: time,
      "node \(node) holds another state than node \(earlier.node) held at \(earlier.at) ms with "
        + "the same version vector")
  }
}
