import ArgumentParser
import CommandKit
import Skerry

/// Reads that wait for what was seen elsewhere.
struct AtLeastOptions: ParsableArguments {
  @Option(
    help: "Wait until the store has all of this version ('v1:…').",
    transform: CommandArgument.version)
  var atLeast: VersionVector?
  @Option(
    help: "How long to wait for --at-least, such as 2m; by default, 5s.",
    transform: CommandArgument.duration)
  var wait: Duration?

  func validate() throws {
    guard wait == nil || atLeast != nil else {
      throw ValidationError("--wait says how long to wait for --at-least, which is missing.")
    }
  }

  /// Opens a store and waits until it has what was asked for.
  func open(_ place: StoreArgument) async throws -> Replica {
    let replica = try await Replica.open(at: place.store)
    guard let atLeast else { return replica }
    do {
      try await replica.waitUntil(covers: atLeast, timeout: wait ?? .seconds(5))
    } catch {
      await replica.close()
      throw error
    }
    return replica
  }
}
