import Skerry
import Testing

extension TemporaryFolder {
  /// Two replicas of one workspace that have everything of each other, and are not linked.
  func levelPair() async throws -> (Replica, Replica) {
    let ada = try await Replica.create(at: path("a"), name: "Ada")
    let bob = try await Replica.join(at: path("b"), code: ada.invite(), name: "Bob")
    #expect(await bob.sync(with: ada).isLevel)
    return (ada, bob)
  }
}
