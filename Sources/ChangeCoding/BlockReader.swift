import ByteCoding
import Causality
import Documents

/// Reads a change block; the counterpart of `BlockWriter`, and as strict: what the writer would
/// have written otherwise is refused.
struct BlockReader {
  private typealias Head = BlockLayout.ChangeHead

  private let count: Int
  private var heads: ByteRunReader
  private var details: ByteReader
  private var times: ByteReader
  private var operations: OperationReader

  private var documents: [DocumentID] = []
  private var documentNumbers: [DocumentID: Int] = [:]
  private var trails: [DocumentTrail] = []

  private var lastOrigin: Int?
  private var lastLamport: UInt64 = 0
  private var lastTime: Int64 = 0
  private var lastDocument: Int?
  private var operationsLeft = ChangeBlock.operationCountMax

  init(_ bytes: [UInt8]) throws(ByteDecodingError) {
    guard bytes.count <= ChangeBlock.byteCountMax else {
      throw ByteDecodingError(.limitExceeded, "change block")
    }
    var whole = ByteReader(bytes)
    guard try whole.readByte("block version") == ChangeBlock.version else {
      throw ByteDecodingError(.unsupportedVersion, "change block")
    }
    guard bytes.count >= 5 else {
      throw ByteDecodingError(.truncated, "change block", at: bytes.count)
    }
    var block = try whole.readSlice(bytes.count - 5, "change block")
    guard CRC32C.checksum(bytes[..<(bytes.count - 4)]) == (try whole.readFixed32("checksum"))
    else { throw ByteDecodingError(.checksumMismatch, "change block") }
    // Each change takes at least the byte of its time.
    count = try block.readCount("change count", limit: ChangeBlock.changeCountMax)
    heads = ByteRunReader(try BlockReader.column("change heads", &block))
    details = try BlockReader.column("change details", &block)
    times = try BlockReader.column("change times", &block)
    let operationHeads = try BlockReader.column("operation heads", &block)
    let operationDetails = try BlockReader.column("operation details", &block)
    let text = try BlockReader.column("text", &block)
    operations = OperationReader(
      heads: ByteRunReader(operationHeads), details: operationDetails, text: text)
    try block.finish("change block")
  }

  private static func column(
    _ field: String, _ block: inout ByteReader
  ) throws(ByteDecodingError) -> ByteReader {
    let count = try block.readCount(field)
    return try block.readSlice(count, field)
  }

  mutating func changes() throws(ByteDecodingError) -> [Change] {
    guard count <= times.remaining else { throw failure(.truncated, "change times") }
    var changes: [Change] = []
    changes.reserveCapacity(count)
    for _ in 0..<count { changes.append(try change()) }
    try heads.finish("change heads")
    try details.finish("change details")
    try times.finish("change times")
    try operations.finish()
    return changes
  }

  private func failure(_ code: ByteDecodingError.Code, _ field: String) -> ByteDecodingError {
    ByteDecodingError(code, field, at: details.offset)
  }

  private mutating func change() throws(ByteDecodingError) -> Change {
    let head = try heads.next("change head")
    guard head & ~Head.known == 0 else { throw failure(.invalidValue, "change head") }
    func has(_ bit: UInt8) -> Bool { head & bit != 0 }

    let origin: Int
    if has(Head.sameOrigin) {
      guard let lastOrigin else { throw failure(.invalidValue, "change head") }
      origin = lastOrigin
    } else {
      origin = try operations.names.origin(from: &details)
      guard origin != lastOrigin else { throw failure(.notCanonical, "origin") }
    }
    lastOrigin = origin
    let nextSequence = operations.names.sequences[origin] &+ 1
    var sequence = nextSequence
    if !has(Head.nextSequence) {
      sequence = try details.readVarint("sequence")
      guard sequence != nextSequence else { throw failure(.notCanonical, "sequence") }
    }
    guard sequence > 0 else { throw failure(.invalidValue, "sequence") }
    operations.names.sequences[origin] = sequence
    let id = ChangeID(origin: operations.names.origins[origin], sequence: sequence)

    let nextLamport = lastLamport &+ 1
    var lamport = nextLamport
    if !has(Head.nextLamport) {
      lamport = try details.readVarint("lamport")
      guard lamport != nextLamport else { throw failure(.notCanonical, "lamport") }
    }
    lastLamport = lamport

    var dependencies: [ChangeID] = []
    if !has(Head.noDependencies) {
      dependencies = try ascendingChanges("dependencies")
      guard !dependencies.isEmpty else { throw failure(.notCanonical, "dependencies") }
    }
    lastTime = lastTime &+ (try times.readSigned("time"))
    guard let time = Timestamp(milliseconds: lastTime) else {
      throw ByteDecodingError(.invalidValue, "time", at: times.offset)
    }
    return Change(
      id: id, lamport: lamport, time: time, dependencies: dependencies,
      edits: try edits(of: id, head))
  }

  private mutating func edits(
    of change: ChangeID, _ head: UInt8
  ) throws(ByteDecodingError) -> [DocumentEdit] {
    var numbers: [Int] = []
    if head & Head.sameDocument != 0 {
      guard let lastDocument else { throw failure(.invalidValue, "change head") }
      numbers = [lastDocument]
    } else {
      let count = try details.readCount("edit count")
      for _ in 0..<count {
        let number = try document()
        if let last = numbers.last, documents[last] >= documents[number] {
          throw failure(.notCanonical, "order of documents")
        }
        numbers.append(number)
      }
      guard numbers.count != 1 || numbers.first != lastDocument else {
        throw failure(.notCanonical, "document")
      }
    }

    var parents: [[ChangeID]] = []
    if head & Head.parentsArePrevious != 0 {
      for number in numbers {
        guard let last = trails[number].lastChange else {
          throw failure(.invalidValue, "parents")
        }
        parents.append([last])
      }
    } else {
      var isForeseen = true
      for number in numbers {
        let named = try ascendingChanges("parents")
        isForeseen = isForeseen && named.count == 1 && named.first == trails[number].lastChange
        parents.append(named)
      }
      guard !isForeseen else { throw failure(.notCanonical, "parents") }
    }

    var counts = [Int](repeating: 1, count: numbers.count)
    if head & Head.oneOperationEach == 0 {
      for index in counts.indices {
        counts[index] = try details.readCount(
          "operation count", minimumBytesEach: 0, limit: ChangeBlock.operationCountMax)
        guard counts[index] > 0 else { throw failure(.invalidValue, "operation count") }
      }
      guard counts.contains(where: { $0 != 1 }) else {
        throw failure(.notCanonical, "operation count")
      }
    }

    var edits: [DocumentEdit] = []
    edits.reserveCapacity(numbers.count)
    for (index, number) in numbers.enumerated() {
      guard counts[index] <= operationsLeft else {
        throw failure(.limitExceeded, "operation count")
      }
      operationsLeft -= counts[index]
      let operations = try operations.operations(
        counts[index], of: change, &trails[number])
      trails[number].lastChange = change
      lastDocument = number
      edits.append(
        DocumentEdit(
          document: documents[number], parents: parents[index], operations: operations))
    }
    return edits
  }

  private mutating func document() throws(ByteDecodingError) -> Int {
    let number = try details.readInt("document", in: 0...documents.count)
    if number == documents.count {
      let id = try DocumentID(from: &details)
      guard documentNumbers.updateValue(number, forKey: id) == nil else {
        throw failure(.notCanonical, "document")
      }
      documents.append(id)
      trails.append(DocumentTrail())
    }
    return number
  }

  private mutating func ascendingChanges(
    _ field: String
  ) throws(ByteDecodingError) -> [ChangeID] {
    let count = try details.readCount(field, minimumBytesEach: 2)
    var changes: [ChangeID] = []
    changes.reserveCapacity(count)
    for _ in 0..<count {
      let change = try operations.names.change(from: &details)
      guard changes.last.map({ $0 < change }) ?? true else {
        throw failure(.notCanonical, field)
      }
      changes.append(change)
    }
    return changes
  }
}

/// The origins that a block has named so far.
struct NameTable {
  private(set) var origins: [Origin] = []
  private var numbers: [Origin: Int] = [:]
  /// By origin: the sequence of the last change of it that was read.
  var sequences: [UInt64] = []

  mutating func origin(from reader: inout ByteReader) throws(ByteDecodingError) -> Int {
    let number = try reader.readInt("origin", in: 0...origins.count)
    if number == origins.count {
      let origin = try Origin(from: &reader)
      guard numbers.updateValue(number, forKey: origin) == nil else {
        throw ByteDecodingError(.notCanonical, "origin", at: reader.offset)
      }
      origins.append(origin)
      sequences.append(0)
    }
    return number
  }

  mutating func change(from reader: inout ByteReader) throws(ByteDecodingError) -> ChangeID {
    let origin = try origin(from: &reader)
    let step = UInt64(bitPattern: try reader.readSigned("sequence"))
    let sequence = sequences[origin] &+ step
    guard sequence > 0 else {
      throw ByteDecodingError(.invalidValue, "sequence", at: reader.offset)
    }
    sequences[origin] = sequence
    return ChangeID(origin: origins[origin], sequence: sequence)
  }
}
