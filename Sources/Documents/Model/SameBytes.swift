/// Whether two values of eight bytes or more are the same in memory: then they are equal, and equal
/// ones may differ in what is unused. Compares eight bytes at a time, the last eight perhaps twice.
@inline(__always)
func areSameBytes<Value>(_ left: Value, _ right: Value) -> Bool {
  withUnsafeBytes(of: left) { left in
    withUnsafeBytes(of: right) { right in
      var offset = 0
      while offset < left.count {
        let word = min(offset, left.count - 8)
        guard
          left.loadUnaligned(fromByteOffset: word, as: UInt64.self)
            == right.loadUnaligned(fromByteOffset: word, as: UInt64.self)
        else { return false }
        offset += 8
      }
      return true
    }
  }
}
