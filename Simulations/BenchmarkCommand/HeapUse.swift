#if canImport(Glibc)
  import Foundation
  import Glibc

  /// How many bytes of the heap are in use, as the allocator counts them: unlike resident memory,
  /// this does not depend on what was freed before.
  enum HeapUse {
    /// Nil when the allocator does not tell.
    static var bytes: Int? {
      typealias Inform = @convention(c) (CInt, UnsafeMutablePointer<FILE>) -> CInt
      // Not in the C library's module map.
      guard let symbol = dlsym(nil, "malloc_info") else { return nil }
      let inform = unsafeBitCast(symbol, to: Inform.self)
      var text: UnsafeMutablePointer<CChar>?
      var size = 0
      guard let stream = open_memstream(&text, &size) else { return nil }
      defer { free(text) }
      guard inform(0, stream) == 0, fclose(stream) == 0, let text else { return nil }
      return inUse(String(cString: text))
    }

    /// From the totals at the end of the report: what the heaps have from the system, less what
    /// lies free in them, and what was mapped on its own.
    private static func inUse(_ report: String) -> Int? {
      guard let totals = report.range(of: "</heap>\n<total", options: .backwards) else {
        return nil
      }
      var bytes = 0
      for line in report[totals.lowerBound...].split(separator: "\n") {
        guard let size = attribute("size", of: line) else { continue }
        switch (line.hasPrefix("<total"), attributeText("type", of: line)) {
        case (true, "fast"), (true, "rest"): bytes -= size
        case (true, "mmap"): bytes += size
        case (false, "current") where line.hasPrefix("<system"): bytes += size
        default: break
        }
      }
      return bytes
    }

    private static func attribute(_ name: String, of line: Substring) -> Int? {
      attributeText(name, of: line).flatMap { Int($0) }
    }

    private static func attributeText(_ name: String, of line: Substring) -> Substring? {
      guard let start = line.range(of: "\(name)=\"") else { return nil }
      return line[start.upperBound...].prefix { $0 != "\"" }
    }
  }
#else
  /// Elsewhere nobody has looked for a way yet.
  enum HeapUse {
    static var bytes: Int? { nil }
  }
#endif
