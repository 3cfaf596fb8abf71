import ByteCoding
import Causality
import Documents

/// Reads a change block; the counterpart of `BlockWriter`, and as strict: what the writer would
/// have written otherwise is refused.
struct BlockReader: ~Copyable {
  private typealias Head = BlockLayout.ChangeHead

  private var heads: ByteRunReader
  private var details: ByteReader
  private var times: ByteReader
  private var operations: OperationReader

  private var changesLeft: Int
  private var documents = NameTable<DocumentID>()
  private var trails: [DocumentTrail] = []

  private var lastOrigin: Int?
  private var lastLamport: UInt64 = 0
  private var lastTime: Int64 = 0
  private var lastDocument: Int?
  private var operationsLeft = ChangeBlock.operationCountMax

  init(
    _ bytes: [UInt8], in language: OperationLanguage = .current
  ) throws(ByteDecodingError) {
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
    guard CRC32C.checksum(bytes.prefix(bytes.count - 4)) == (try whole.readFixed32("checksum"))
    else { throw ByteDecodingError(.checksumMismatch, "change block") }
    let count = try block.readCount("change count", limit: ChangeBlock.changeCountMax)
    let heads = try BlockReader.column("change heads", &block)
    let details = try BlockReader.column("change details", &block)
    let times = try BlockReader.column("change times", &block)
    let operationHeads = try BlockReader.column("operation heads", &block)
    let operationDetails = try BlockReader.column("operation details", &block)
    let text = try BlockReader.column("text", &block)
    try block.finish("change block")
    // Each change takes at least the byte of its time.
    guard count <= times.remaining else {
      throw ByteDecodingError(.truncated, "change times", at: times.offset)
    }
    changesLeft = count
    self.heads = ByteRunReader(heads)
    self.details = details
    self.times = times
    operations = OperationReader(
      heads: ByteRunReader(operationHeads), details: operationDetails, text: text,
      in: language)
  }

  /// At most how many changes are to come.
  var remaining: Int { changesLeft }

  private static func column(
    _ field: String, _ block: inout ByteReader
  ) throws(ByteDecodingError) -> ByteReader {
    let count = try block.readCount(field)
    return try block.readSlice(count, field)
  }

  /// The next change; nil at the end of the block, where nothing may be left over.
  mutating func next() throws(ByteDecodingError) -> Change? {
    guard changesLeft > 0 else {
      try heads.finish("change heads")
      try details.finish("change details")
      try times.finish("change times")
      try operations.finish()
      return nil
    }
    changesLeft -= 1
    return try change()
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
    let nextSequence = operations.names[origin] &+ 1
    var sequence = nextSequence
    if !has(Head.nextSequence) {
      sequence = try details.readVarint("sequence")
      guard sequence != nextSequence else { throw failure(.notCanonical, "sequence") }
    }
    guard sequence > 0 else { throw failure(.invalidValue, "sequence") }
    operations.names[origin] = sequence
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
    var numbers = ShortList<Int>()
    if head & Head.sameDocument != 0 {
      guard let lastDocument else { throw failure(.invalidValue, "change head") }
      numbers.append(lastDocument)
    } else {
      let count = try details.readCount("edit count")
      for place in 0..<count {
        let number = try document()
        if place > 0, documents[numbers[place - 1]] >= documents[number] {
          throw failure(.notCanonical, "order of documents")
        }
        numbers.append(number)
      }
      guard numbers.count != 1 || numbers[0] != lastDocument else {
        throw failure(.notCanonical, "document")
      }
    }
    var edits: [DocumentEdit] = []
    edits.reserveCapacity(numbers.count)
    try readParents(of: numbers, head, &edits)
    let counts = try operationCounts(numbers.count, head)
    for place in 0..<numbers.count {
      let count = counts.isEmpty ? 1 : counts[place]
      guard count <= operationsLeft else { throw failure(.limitExceeded, "operation count") }
      operationsLeft -= count
      let number = numbers[place]
      edits[place].operations = try operations.operations(count, of: change, &trails[number])
      trails[number].lastChange = change
      lastDocument = number
    }
    return edits
  }

  private mutating func readParents(
    of numbers: ShortList<Int>, _ head: UInt8, _ edits: inout [DocumentEdit]
  ) throws(ByteDecodingError) {
    var isForeseen = true
    for place in 0..<numbers.count {
      let number = numbers[place]
      var parents: [ChangeID]
      if head & Head.parentsArePrevious != 0 {
        guard let last = trails[number].lastChange else {
          throw failure(.invalidValue, "parents")
        }
        parents = [last]
      } else {
        parents = try ascendingChanges("parents")
        isForeseen =
          isForeseen && parents.count == 1 && parents.first == trails[number].lastChange
      }
      edits.append(DocumentEdit(document: documents[number], parents: parents, operations: []))
    }
    guard head & Head.parentsArePrevious != 0 || !isForeseen else {
      throw failure(.notCanonical, "parents")
    }
  }

  /// How many operations each edit has; empty when each has one.
  private mutating func operationCounts(
    _ editCount: Int, _ head: UInt8
  ) throws(ByteDecodingError) -> [Int] {
    if head & Head.oneOperationEach != 0 { return [] }
    var counts: [Int] = []
    counts.reserveCapacity(editCount)
    for _ in 0..<editCount {
      let count = try details.readCount(
        "operation count", minimumBytesEach: 0, limit: ChangeBlock.operationCountMax)
      guard count > 0 else { throw failure(.invalidValue, "operation count") }
      counts.append(count)
    }
    guard counts.contains(where: { $0 != 1 }) else {
      throw failure(.notCanonical, "operation count")
    }
    return counts
  }

  private mutating func document() throws(ByteDecodingError) -> Int {
    let number = try details.readInt("document", in: 0...documents.count)
    if number == documents.count {
      let id = try DocumentID(from: &details)
      guard documents.insert(id) else { throw failure(.notCanonical, "document") }
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

extension OriginTable {
  mutating func origin(from reader: inout ByteReader) throws(ByteDecodingError) -> Int {
    let number = try reader.readInt("origin", in: 0...origins.count)
    if number == origins.count {
      let origin = try Origin(from: &reader)
      guard origins.number(of: origin) == nil else {
        throw ByteDecodingError(.notCanonical, "origin", at: reader.offset)
      }
      append(origin)
    }
    return number
  }

  mutating func change(from reader: inout ByteReader) throws(ByteDecodingError) -> ChangeID {
    let origin = try origin(from: &reader)
    let step = UInt64(bitPattern: try reader.readSigned("sequence"))
    let sequence = self[origin] &+ step
    guard sequence > 0 else {
      throw ByteDecodingError(.invalidValue, "sequence", at: reader.offset)
    }
    self[origin] = sequence
    return ChangeID(origin: origins[origin], sequence: sequence)
  }
}
