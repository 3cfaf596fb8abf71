#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What the process has allocated.
enum Memory {
  /// How many bytes more are allocated after `make` than before, and what it made.
  static func growth<Value>(_ make: () throws -> Value) rethrows -> (bytes: Int, value: Value) {
    let before = allocated
    let value = try make()
    return (allocated - before, value)
  }

  private static var allocated: Int {
    #if canImport(Glibc)
      let info = mallinfo2()
      return Int(info.uordblks + info.hblkhd)
    #elseif canImport(Darwin)
      var statistics = malloc_statistics_t()
      malloc_zone_statistics(nil, &statistics)
      return statistics.size_in_use
    #else
      return 0
    #endif
  }
}
