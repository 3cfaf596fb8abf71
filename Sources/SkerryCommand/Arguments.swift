import ArgumentParser

/// What every subcommand takes.
struct StoreArgument: ParsableArguments {
  @Argument(help: "The store's file.", completion: .file())
  var store: String

  func validate() throws {
    guard !store.isEmpty else { throw ValidationError("STORE must not be empty.") }
  }
}
