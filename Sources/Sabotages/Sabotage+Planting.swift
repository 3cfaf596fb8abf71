#if SABOTAGES
  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Musl)
    import Musl
  #elseif canImport(Darwin)
    import Darwin
  #endif
  import Synchronization

  extension Sabotage {
    /// Whether this build can plant bugs at all.
    package static let canBePlanted = true

    /// The bug that is planted in what runs on this thread; tests that run beside are spared.
    package static var planted: Sabotage? {
      get {
        guard plantings.load(ordering: .relaxed) > 0, let mark = pthread_getspecific(slot) else {
          return nil
        }
        return allCases[Int(bitPattern: mark) - 1]
      }
      set {
        plantings.add(1, ordering: .relaxed)
        let mark = newValue.flatMap { allCases.firstIndex(of: $0) }.map { $0 + 1 } ?? 0
        pthread_setspecific(slot, UnsafeMutableRawPointer(bitPattern: mark))
      }
    }

    /// Whether the bug is in what runs now. Complexity: a load and a branch where none ever was.
    package var isPlanted: Bool {
      Sabotage.plantings.load(ordering: .relaxed) > 0 && Sabotage.planted == self
    }

    /// How often a bug was planted or taken away in this process.
    private static let plantings = Atomic<Int>(0)

    /// Where a thread keeps the number of its bug, from 1.
    private static let slot: pthread_key_t = {
      var slot = pthread_key_t()
      let status = pthread_key_create(&slot, nil)
      precondition(status == 0, "no slot is left for what belongs to a thread")
      return slot
    }()
  }
#else
  extension Sabotage {
    /// Whether this build can plant bugs at all.
    package static let canBePlanted = false

    /// No bug is planted in this build, nor can one be.
    package static var planted: Sabotage? {
      get { nil }
      set { precondition(newValue == nil, "this build has no sabotages: build for debugging") }
    }

    /// Always false, and known to the compiler.
    @inlinable
    package var isPlanted: Bool {
      @inline(__always) get { false }
    }
  }
#endif

extension Sabotage {
  /// Runs `body` with the bug planted.
  package static func whilePlanted<Result>(
    _ sabotage: Sabotage, _ body: () throws -> Result
  ) rethrows -> Result {
    let before = planted
    planted = sabotage
    defer { planted = before }
    return try body()
  }
}
