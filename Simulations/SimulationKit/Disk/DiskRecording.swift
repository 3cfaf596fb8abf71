/// One step of a recorded session.
package enum DiskStep: Sendable {
  case write(file: Int, offset: Int, bytes: [UInt8])
  case truncate(file: Int, size: Int)
  case sync(file: Int)
  case create(name: String, file: Int)
  case delete(name: String)
  case syncNames
  /// Something that is no step of a program: a failed sync, a crash, a restored image.
  case replaced(VirtualDisk.Image)
}

/// Every write and sync of a session, from which the disk can be had as it was after each.
package struct DiskRecording: Sequence, Sendable {
  private let start: DiskState
  package private(set) var steps: [DiskStep] = []

  init(from start: DiskState) { self.start = start }

  mutating func note(_ step: DiskStep) { steps.append(step) }

  /// The disk before the first step and after each: one image more than there are steps.
  package func makeIterator() -> Iterator { Iterator(state: start, steps: steps) }

  package struct Iterator: IteratorProtocol {
    var state: DiskState
    let steps: [DiskStep]
    private var position = 0
    private var isFirst = true

    init(state: DiskState, steps: [DiskStep]) {
      self.state = state
      self.steps = steps
    }

    package mutating func next() -> VirtualDisk.Image? {
      if isFirst {
        isFirst = false
        return VirtualDisk.Image(state)
      }
      guard position < steps.count else { return nil }
      apply(steps[position])
      position += 1
      return VirtualDisk.Image(state)
    }

    private mutating func apply(_ step: DiskStep) {
      switch step {
      case .write(let file, let offset, let bytes):
        bytes.withUnsafeBytes { state.write(file, $0, at: offset) }
      case .truncate(let file, let size): state.truncate(file, to: size)
      case .sync(let file): state.sync(file)
      case .create(let name, let file): state.create(name, at: file)
      case .delete(let name): state.delete(name)
      case .syncNames: state.syncNames()
      case .replaced(let image): state = image.state
      }
    }
  }
}
