/// Where the units that are visible stand.
struct ShownUnits {
  /// Ascending by the events that inserted them.
  private let runs: [(events: Range<Int>, position: Int)]

  init(_ visible: [Range<Int>]) {
    var position = 0
    runs = visible.map { events in
      defer { position += events.count }
      return (events, position)
    }.sorted { $0.events.lowerBound < $1.events.lowerBound }
  }

  /// Where units stand, given by the events that inserted them in document order: nil unless all of
  /// them are visible, with nothing in between.
  func range(of units: [Range<Int>]) -> Range<Int>? {
    var range: Range<Int>?
    for events in units {
      var event = events.lowerBound
      while event < events.upperBound {
        guard let run = run(of: event) else { return nil }
        let position = run.position + event - run.events.lowerBound
        let count = min(events.upperBound, run.events.upperBound) - event
        guard range == nil || range?.upperBound == position else { return nil }
        range = (range?.lowerBound ?? position)..<position + count
        event += count
      }
    }
    return range
  }

  /// Where a unit stands, given by the event that inserted it; nil when it is not visible.
  func position(of event: Int) -> Int? {
    run(of: event).map { $0.position + event - $0.events.lowerBound }
  }

  private func run(of event: Int) -> (events: Range<Int>, position: Int)? {
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].events.lowerBound <= event { low = middle + 1 } else { high = middle }
    }
    guard low > 0, runs[low - 1].events.contains(event) else { return nil }
    return runs[low - 1]
  }
}
