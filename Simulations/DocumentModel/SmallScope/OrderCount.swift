/// In how many orders replicas can do their steps and receive each other's changes.
///
/// One order is one sequence of "replica r does its next step" and "replica r receives change c",
/// which it can as soon as c is made and all that its author had seen is here, until everyone has
/// everything. What a step does makes no difference to their number.
package enum OrderCount {
  /// A version: of each author the last change seen, nil when none was. It stands for all of them,
  /// since each names the one before.
  private typealias Version = [Int?]

  private struct Made: Hashable {
    var author: Int
    /// What its author had seen, its own change before included.
    var past: Version
  }

  /// Complexity: exponential; a second for three replicas with two steps each in a release build.
  ///
  /// - Parameter steps: how many each replica does.
  package static func orders(steps: [Int]) -> UInt64 {
    var made: [Made] = []
    var places: [Int] = []
    var numbers: [Made: Int] = [:]
    func place(_ change: Int?) -> Int { change.map { places[$0] } ?? 0 }

    var current: [[Version]: UInt64] = [steps.map { _ in steps.map { _ in nil } }: 1]
    while true {
      var next: [[Version]: UInt64] = [:]
      for (state, ways) in current {
        for replica in steps.indices {
          let seen = state[replica]
          for author in steps.indices {
            var new: Int?
            if author != replica {
              // The change of the author that comes next here, if it is made.
              new = state[author][author]
              while let change = new, place(change) > place(seen[author]) + 1 {
                new = made[change].past[author]
              }
              guard let change = new, place(change) == place(seen[author]) + 1,
                steps.indices.allSatisfy({ place(made[change].past[$0]) <= place(seen[$0]) })
              else { continue }
            } else if place(seen[author]) < steps[author] {
              let change = Made(author: author, past: seen)
              new = numbers[change] ?? made.count
              if new == made.count {
                numbers[change] = made.count
                made.append(change)
                places.append(place(seen[author]) + 1)
              }
            } else {
              continue
            }
            var after = state
            after[replica][author] = new
            next[after, default: 0] += ways
          }
        }
      }
      if next.isEmpty { return current.values.reduce(0, +) }
      current = next
    }
  }
}
