package import ByteCoding
package import Causality
package import Documents

/// The one encoding for runs of changes: changes not yet sealed, the bodies of segments, the tails
/// of documents.
///
/// The layout is in FORMAT.md, beside this file. Every value has one encoding: a block that decodes
/// is what ``encode(_:)`` makes of its changes.
package enum ChangeBlock {
  package static let version: UInt8 = 1
  /// The most changes in one block.
  package static let changeCountMax = 1 << 16
  /// The most operations in one block, over all its changes.
  package static let operationCountMax = 1 << 20
  /// The most list elements and replaced entries in one block: in bytes they can be small, decoded
  /// they are not.
  package static let elementCountMax = 1 << 20
  /// The most bytes of one block.
  package static let byteCountMax = 1 << 26

  /// Whether the changes can stand in one block as far as their numbers go; a run that cannot is to
  /// be split. Complexity: O(changes and edits).
  package static func fits(_ changes: some Collection<Change>) -> Bool {
    guard changes.count <= changeCountMax else { return false }
    var operations = 0
    var elements = 0
    for change in changes {
      for edit in change.edits {
        operations += edit.operations.count
        for operation in edit.operations { elements += operation.elementCount }
      }
    }
    return operations <= operationCountMax && elements <= elementCountMax
  }

  /// Whether a change can stand in a block alone.
  package static func fits(_ change: Change) -> Bool {
    var operations = 0
    var elements = 0
    for edit in change.edits {
      operations += edit.operations.count
      for operation in edit.operations { elements += operation.elementCount }
    }
    return operations <= operationCountMax && elements <= elementCountMax
  }

  /// What a change counts for, of ``operationCountMax``: changes that weigh no more than that
  /// together ``fits(_:)``.
  package static func weight(of change: Change) -> Int {
    change.edits.reduce(0) { sum, edit in
      edit.operations.reduce(sum + edit.operations.count) { $0 + $1.elementCount }
    }
  }

  /// The bytes of a run of changes, in the order given. Complexity: O(changes and their content).
  ///
  /// - Precondition: the changes ``fits(_:)``.
  package static func encode(_ changes: [Change]) -> [UInt8] {
    var writer = BlockWriter()
    for change in changes { writer.append(change) }
    return writer.finish()
  }

  /// Encodes many small runs one after the other, all in the same memory.
  package struct Encoder {
    private var writer = BlockWriter()

    package init() {}

    /// As ``ChangeBlock/encode(_:)``.
    package mutating func encode(_ changes: [Change]) -> [UInt8] {
      for change in changes { writer.append(change) }
      return finish()
    }

    /// A run of one.
    package mutating func encode(_ change: Change) -> [UInt8] {
      writer.append(change)
      return finish()
    }

    private mutating func finish() -> [UInt8] {
      let block = writer.finish()
      // What a large one took is given back.
      if block.count > Self.keptBytesMax { writer = BlockWriter() }
      return block
    }

    private static let keptBytesMax = 1 << 16

    /// The changes in as few blocks as can hold them: one, unless there are very many operations.
    ///
    /// - Precondition: each change alone ``fits(_:)``.
    package mutating func blocks(of changes: some RandomAccessCollection<Change>) -> [[UInt8]] {
      if changes.isEmpty { return [] }
      if changes.count == 1 || fits(changes) {
        for change in changes { writer.append(change) }
        return [writer.finish()]
      }
      let half = changes.count / 2
      return blocks(of: changes.prefix(half)) + blocks(of: changes.dropFirst(half))
    }
  }

  /// The changes of a block.
  ///
  /// - Parameter language: operations that are not of it are read as unknown ones.
  /// - Throws: `unsupportedVersion` for a block of a later release, which is to be kept as it is;
  ///   `checksumMismatch` for a damaged one; other codes for bytes that no encoder writes. Never
  ///   traps; work and memory are bounded by the bytes and the limits above.
  package static func decode(
    _ bytes: [UInt8], in language: OperationLanguage = .current
  ) throws(ByteDecodingError) -> [Change] {
    var reader = try BlockReader(bytes, in: language)
    var changes: [Change] = []
    changes.reserveCapacity(reader.remaining)
    while let change = try reader.next() { changes.append(change) }
    return changes
  }

  /// What a block is about.
  package struct Summary: Equatable, Sendable {
    package var changeCount: Int
    package var first: ChangeID?
    package var last: ChangeID?
    /// Ascending.
    package var origins: [Origin]
    /// Ascending.
    package var documents: [DocumentID]
  }

  /// Complexity: that of ``decode(_:)``.
  package static func summary(_ bytes: [UInt8]) throws(ByteDecodingError) -> Summary {
    let changes = try decode(bytes)
    return Summary(
      changeCount: changes.count, first: changes.first?.id, last: changes.last?.id,
      origins: Set(changes.map(\.id.origin)).sorted(),
      documents: Set(changes.flatMap { $0.edits.map(\.document) }).sorted())
  }
}

extension Operation {
  /// List elements, and entries named as replaced. Complexity: O(1).
  fileprivate var elementCount: Int {
    switch action {
    case .insertElements(_, let elements): elements.count
    case .set(_, _, let replaces), .make(_, _, _, let replaces), .delete(_, let replaces),
      .setElement(_, _, let replaces):
      replaces.count
    case .insertText, .remove, .increment, .deleteDocument, .resolve, .createNode, .moveNode,
      .deleteNode, .mark, .unknown:
      0
    }
  }
}

extension [IncomingEdit] {
  /// The edits of one document in a block, in its order.
  package init(
    decoding block: [UInt8], document: DocumentID, in language: OperationLanguage = .current
  ) throws(ByteDecodingError) {
    var reader = try BlockReader(block, in: language)
    self = []
    reserveCapacity(reader.remaining)
    while let change = try reader.next() {
      if let edit = IncomingEdit(change, document: document) { append(edit) }
    }
  }
}
