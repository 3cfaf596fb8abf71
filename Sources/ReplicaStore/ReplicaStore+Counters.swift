import ByteCoding
import SegmentStore

// Settings that are a number.
extension ReplicaStore {
  /// 0 when it was never set.
  func counter(_ setting: String) throws(StoreError) -> UInt64 {
    let bytes = try stored { () throws(SegmentStoreError) in try segments.setting(setting) }
    guard let bytes else { return 0 }
    do throws(ByteDecodingError) {
      var reader = ByteReader(bytes)
      let counter = try reader.readVarint(setting)
      try reader.finish(setting)
      return counter
    } catch {
      throw .damaged("the setting '\(setting)' is unreadable (\(error))")
    }
  }

  /// Within a transaction.
  func setCounter(_ setting: String, to counter: UInt64) throws(StoreError) {
    var writer = ByteWriter()
    writer.write(varint: counter)
    try stored { () throws(SegmentStoreError) in
      try segments.setSetting(setting, to: writer.bytes)
    }
  }
}
