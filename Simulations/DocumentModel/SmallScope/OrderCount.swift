/// In how many orders replicas can do their steps and receive each other's changes.
///
/// One order is one sequence of "replica r does its next step" and "replica r receives change c",
/// which it can as soon as c is made and all that its author had seen is here, until everyone has
/// everything. What a step does makes no difference to their number.
package enum OrderCount {
  /// Complexity: exponential; 0.2 s for three replicas with two steps each in a release build.
  ///
  /// - Parameter steps: how many each replica does.
  package static func orders(steps: [Int]) -> UInt64 {
    var numbering = Numbering()
    var current: [[ChangeSet]: UInt64] = [steps.map { _ in ChangeSet() }: 1]
    while true {
      var next: [[ChangeSet]: UInt64] = [:]
      for (state, ways) in current {
        for replica in steps.indices {
          let seen = state[replica]
          let done = numbering.count(of: replica, in: seen)
          var new: [Int] = []
          if done < steps[replica] {
            new.append(numbering.number(author: replica, place: done, past: seen))
          }
          for author in steps.indices where author != replica {
            let place = numbering.count(of: author, in: seen)
            let change = numbering.change(of: author, place: place, in: state[author])
            if let change, numbering.made[change].past.isSubset(of: seen) { new.append(change) }
          }
          for change in new {
            var after = state
            after[replica].insert(change)
            next[after, default: 0] += ways
          }
        }
      }
      if next.isEmpty { return current.values.reduce(0, +) }
      current = next
    }
  }

  private struct Made: Hashable {
    var author: Int
    var place: Int
    var past: ChangeSet
  }

  private struct Numbering {
    private(set) var made: [Made] = []
    private var numbers: [Made: Int] = [:]

    mutating func number(author: Int, place: Int, past: ChangeSet) -> Int {
      let change = Made(author: author, place: place, past: past)
      if let number = numbers[change] { return number }
      numbers[change] = made.count
      made.append(change)
      return made.count - 1
    }

    func count(of author: Int, in changes: ChangeSet) -> Int {
      made.indices.count { made[$0].author == author && changes.contains($0) }
    }

    func change(of author: Int, place: Int, in changes: ChangeSet) -> Int? {
      made.indices.first {
        made[$0].author == author && made[$0].place == place && changes.contains($0)
      }
    }
  }
}
