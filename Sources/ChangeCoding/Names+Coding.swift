import ByteCoding
import Causality
import Documents

// How history chunks and operations that came later write the names of containers, and what stands
// in lists.

extension ContainerID {
  func write(to writer: inout ByteWriter, _ number: (Origin) -> Int) {
    write(to: &writer) { $0.write(to: &$1, number) }
  }

  init(from reader: inout ByteReader, origins: [Origin]) throws(ByteDecodingError) {
    try self.init(from: &reader, below: 0) { (reader: inout ByteReader) throws(ByteDecodingError) in
      try EventID(from: &reader, origins: origins)
    }
  }

  /// With all of the origins in it: for what stands in few places.
  func writeWhole(to writer: inout ByteWriter) {
    write(to: &writer) { $0.writeWhole(to: &$1) }
  }

  init(whole reader: inout ByteReader) throws(ByteDecodingError) {
    try self.init(from: &reader, below: 0) { (reader: inout ByteReader) throws(ByteDecodingError) in
      try EventID(whole: &reader)
    }
  }

  private func write(to writer: inout ByteWriter, _ event: (EventID, inout ByteWriter) -> Void) {
    switch self {
    case .root: writer.write(0 as UInt8)
    case .element(let element, let kind):
      writer.write(1 as UInt8)
      writer.write(kind.rawValue)
      event(element, &writer)
    case .child(let parent, let key, let kind, let generation):
      writer.write((generation == nil ? 2 : 3) as UInt8)
      writer.write(string: key.text)
      writer.write(kind.rawValue)
      if let generation { event(generation, &writer) }
      parent.write(to: &writer, event)
    }
  }

  private init(
    from reader: inout ByteReader, below depth: Int,
    event: (inout ByteReader) throws(ByteDecodingError) -> EventID
  ) throws(ByteDecodingError) {
    guard depth <= ContainerID.depthMax else {
      throw ByteDecodingError(.limitExceeded, "nesting", at: reader.offset)
    }
    let tag = try reader.readByte("container")
    switch tag {
    case 0: self = .root
    case 1:
      let kind = try ContainerKind(from: &reader)
      self = .element(try event(&reader), kind)
    case 2, 3:
      let key = try Key(from: &reader)
      let kind = try ContainerKind(from: &reader)
      let generation = tag == 3 ? try event(&reader) : nil
      let parent = try ContainerID(from: &reader, below: depth + 1, event: event)
      self = .child(parent: parent, key: key, kind: kind, generation: generation)
    default: throw ByteDecodingError(.invalidValue, "container", at: reader.offset)
    }
  }
}

extension EventID {
  fileprivate func write(to writer: inout ByteWriter, _ number: (Origin) -> Int) {
    writer.write(count: number(change.origin))
    writer.write(varint: change.sequence)
    writer.write(varint: UInt64(index))
  }

  fileprivate init(
    from reader: inout ByteReader, origins: [Origin]
  ) throws(ByteDecodingError) {
    let number = try reader.readCount("origin", minimumBytesEach: 0)
    guard number < origins.count else {
      throw ByteDecodingError(.invalidValue, "origin", at: reader.offset)
    }
    let sequence = try reader.readVarint("sequence")
    guard let index = UInt32(exactly: try reader.readVarint("event")) else {
      throw ByteDecodingError(.invalidValue, "event", at: reader.offset)
    }
    self.init(change: ChangeID(origin: origins[number], sequence: sequence), index: index)
  }
}

extension EventID {
  /// With all of its origin: for what stands in few places.
  func writeWhole(to writer: inout ByteWriter) {
    change.origin.write(to: &writer)
    writer.write(varint: change.sequence)
    writer.write(varint: UInt64(index))
  }

  init(whole reader: inout ByteReader) throws(ByteDecodingError) {
    let origin = try Origin(from: &reader)
    let sequence = try reader.readVarint("sequence")
    guard sequence > 0, let index = UInt32(exactly: try reader.readVarint("event")) else {
      throw ByteDecodingError(.invalidValue, "event", at: reader.offset)
    }
    self.init(change: ChangeID(origin: origin, sequence: sequence), index: index)
  }
}

extension Operation.Element {
  func write(to writer: inout ByteWriter) {
    switch self {
    case .value(let value): value.write(to: &writer)
    case .container(let kind):
      writer.write(BlockLayout.elementContainerTag)
      writer.write(kind.rawValue)
    case .moved(let element):
      writer.write(BlockLayout.movedElementTag)
      element.writeWhole(to: &writer)
    }
  }

  init(from reader: inout ByteReader) throws(ByteDecodingError) {
    var ahead = reader
    switch try ahead.readByte("element") {
    case BlockLayout.elementContainerTag:
      reader = ahead
      self = .container(try ContainerKind(from: &reader))
    case BlockLayout.movedElementTag:
      reader = ahead
      self = .moved(try EventID(whole: &reader))
    default: self = .value(try Value(from: &reader))
    }
  }
}
