package import Skerry

/// The demonstration: three replicas, a partition, edits on both sides of it, the heal and the
/// merge. Everything in it is real: three store files, sealed segments, links with the full
/// handshake.
package struct DemoShow: Sendable {
  /// How long a person gets to read a line.
  package enum Pace: Sendable {
    case reading
    case hurried
  }

  private let folder: String
  private let pace: Pace
  private let say: @Sendable (String) -> Void
  private let now: @Sendable () -> Timestamp

  /// - Parameters:
  ///   - folder: an empty folder for the three stores.
  ///   - say: gets the story line by line.
  package init(
    folder: String, pace: Pace, now: @escaping @Sendable () -> Timestamp,
    say: @escaping @Sendable (String) -> Void
  ) {
    self.folder = folder
    self.pace = pace
    self.now = now
    self.say = say
  }

  /// Plays it.
  ///
  /// - Throws: `DemoError` when the replicas do not end as the story says.
  package func play() async throws {
    say("Three people share one workspace. Each has a whole replica on a device of their own.")
    let ada = try await Person.found("Ada", in: folder, now: now)
    let ben = try await ada.invite("Ben", in: folder)
    let eve = try await ada.invite("Eve", in: folder)
    let people = [ada, ben, eve]
    await pause()
    try await playStory(people)
    for person in people { await person.library.replica.close() }
  }

  private func playStory(_ people: [Person]) async throws {
    let (ada, ben, eve) = (people[0], people[1], people[2])
    scene("Ada writes a note. The others have it a moment later.")
    let note = try await ada.library.perform(
      .create(
        title: "Harbour party", body: "Bring: bread, cheese.\nMusic: ?\n", notebook: nil,
        tags: ["summer"]))
    try await waitUntilEqual(people)
    await pause()
    try await show(note, to: [ben])

    scene("A partition: the sea cable breaks. Eve is alone; Ada and Ben still reach each other.")
    await eve.cut()
    await pause()
    try await ada.edit(note, replacing: "bread, cheese", with: "bread, cheese, olives")
    say("  Ada adds olives.")
    try await ben.library.perform(.append(note, "Ben asks for a boat with a roof.\n"))
    try await ben.library.perform(.tag(note, add: ["boat"], remove: []))
    say("  Ben adds a line and the tag 'boat'.")
    await pause()
    try await eve.edit(note, replacing: "Music: ?", with: "Music: Eve's accordion 🪗")
    try await eve.library.perform(.change(note, title: "Harbour party, Saturday", body: nil))
    let own = try await eve.library.perform(
      .create(title: "Packing list", body: "- accordion\n- rain coat\n", notebook: nil, tags: []))
    say("  Eve, offline, answers the music, renames the note and starts another. Nothing waits.")
    await pause()

    scene("Even Ada and Ben lose each other now. Both rename the note.")
    await ben.cut()
    try await ada.library.perform(.change(note, title: "Harbour party at noon", body: nil))
    try await ben.library.perform(.change(note, title: "Harbour party at eight", body: nil))
    await pause()
    try await show(note, to: people)

    scene("The partition heals: the cable is mended, and everybody meets everybody.")
    try await ben.connect(to: ada)
    try await eve.connect(to: ada)
    try await waitUntilEqual(people)
    await pause()
    try await show(note, to: people)
    try await checkEnd(people, note: note, own: own)
    let digest = try await ada.library.replica.info().stateDigest
    say("All three hold the same state, byte for byte: \(digest.prefix(16))…")
    say("Every line that anybody wrote is there. The title was set by three people at once: one is")
    say("shown, all are kept, and the note says that it has a conflict.")
  }

  private func checkEnd(_ people: [Person], note: DocumentID, own: DocumentID) async throws {
    for person in people {
      let end = try await person.library.note(note)
      for words in ["olives", "accordion 🪗", "a boat with a roof"] {
        guard end.body.contains(words) else {
          throw DemoError("\(person.name) lost '\(words)'")
        }
      }
      guard end.summary.conflicts == 1 else {
        throw DemoError("\(person.name) does not see the conflict over the title")
      }
      _ = try await person.library.note(own)
    }
  }

  private func scene(_ text: String) {
    say("")
    say(text)
  }

  private func show(_ id: DocumentID, to people: [Person]) async throws {
    for person in people {
      let note = try await person.library.note(id)
      let conflicts = note.summary.conflicts == 0 ? "" : "   (! \(note.summary.conflicts) conflict)"
      say("  ┌ \(person.name) sees: \(note.summary.title)\(conflicts)")
      for line in note.body.split(separator: "\n") { say("  │ \(line)") }
      say("  └ tags: \(note.summary.tags.joined(separator: ", "))")
    }
  }

  private func waitUntilEqual(_ people: [Person]) async throws {
    for _ in 0..<1000 {
      var versions: Set<VersionVector> = []
      for person in people { versions.insert(try await person.library.replica.version()) }
      if versions.count == 1 {
        var digests: Set<String> = []
        for person in people {
          digests.insert(try await person.library.replica.info().stateDigest)
        }
        guard digests.count == 1 else {
          throw DemoError("the replicas saw the same changes and hold different states")
        }
        return
      }
      try await Task.sleep(for: .milliseconds(10))
    }
    throw DemoError("the replicas did not become equal within ten seconds")
  }

  private func pause() async {
    if pace == .reading { try? await Task.sleep(for: .milliseconds(4_000)) }
  }
}

/// What went otherwise than the story says.
package struct DemoError: Error, CustomStringConvertible {
  package var description: String

  init(_ description: String) {
    self.description = "The demonstration failed: \(description)."
  }
}

/// Somebody with a replica and a link to the others.
private final class Person {
  let name: String
  let library: NoteLibrary
  private let now: @Sendable () -> Timestamp
  private var link: InProcessLink?

  private init(name: String, library: NoteLibrary, now: @escaping @Sendable () -> Timestamp) {
    self.name = name
    self.library = library
    self.now = now
  }

  static func found(
    _ name: String, in folder: String, now: @escaping @Sendable () -> Timestamp
  ) async throws -> Person {
    let replica = try await Replica.create(at: "\(folder)/\(name).skerry", name: name)
    return Person(name: name, library: try await NoteLibrary(replica, now: now), now: now)
  }

  /// Lets somebody join with a fresh invitation and stay connected to this person.
  func invite(_ name: String, in folder: String) async throws -> Person {
    let code = try await library.replica.invite()
    let replica = try await Replica.join(at: "\(folder)/\(name).skerry", code: code, name: name)
    let person = Person(name: name, library: try await NoteLibrary(replica, now: now), now: now)
    try await person.connect(to: self)
    return person
  }

  func connect(to other: Person) async throws {
    link = try await library.replica.connect(to: other.library.replica)
  }

  func cut() async {
    await link?.cut()
    link = nil
  }

  func edit(_ id: DocumentID, replacing old: String, with new: String) async throws {
    let note = try await library.note(id)
    guard let range = note.body.firstRange(of: old) else {
      throw DemoError("\(name) does not find '\(old)'")
    }
    let body = note.body.replacingCharacters(in: range, with: new)
    try await library.perform(.change(id, title: nil, body: body))
  }
}

extension String {
  fileprivate func replacingCharacters(
    in range: Range<String.Index>, with text: String
  ) -> String {
    String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
  }
}
