import HeapModule

/// What is going to happen, in the order of virtual time; of two events at one time the one that
/// was scheduled first comes first.
struct EventQueue<Event> {
  private struct Entry: Comparable {
    var at: Int
    var number: Int
    var event: Event

    static func < (left: Entry, right: Entry) -> Bool {
      (left.at, left.number) < (right.at, right.number)
    }

    static func == (left: Entry, right: Entry) -> Bool {
      left.number == right.number
    }
  }

  private var heap = Heap<Entry>()
  private var nextNumber = 0

  var isEmpty: Bool { heap.isEmpty }
  var nextTime: Int? { heap.min?.at }

  mutating func schedule(_ event: Event, at time: Int) {
    heap.insert(Entry(at: time, number: nextNumber, event: event))
    nextNumber += 1
  }

  mutating func next() -> (at: Int, event: Event)? {
    heap.popMin().map { ($0.at, $0.event) }
  }
}
