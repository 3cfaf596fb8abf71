package import ByteCoding
package import ByteCompression
package import Documents

/// The history of one document, or the part of it from some edit on, packed: what a store keeps
/// beside the state and reads only when a concurrent merge, a time travel or an attribution asks.
///
/// The layout is in FORMAT.md, beside this file. Everything is run-length encoded in columns, so
/// that typing a word is one run, and each column is compressed where that makes it shorter.
/// Reading puts whole runs into a ``DocumentHistory`` without ever making single edits.
package enum HistoryChunk {
  /// The first byte. Another one than that of a ``ChangeBlock``, which history was kept in before.
  package static let version: UInt8 = 2
  /// The most changes in a chunk. In bytes a run of them can be small, single edits are not.
  package static let changeCountMax = 1 << 20
  /// The most bytes of a chunk, and of all its columns when they are unpacked.
  package static let byteCountMax = 1 << 28

  /// Packs edits of one document, parents before children. What they name as parents may be in
  /// earlier chunks.
  ///
  /// - Parameter effort: how hard to pack; nil leaves the columns as they are.
  /// - Precondition: there are 1 to ``changeCountMax`` edits of one document, each with operations.
  /// - Complexity: O(edits and their content).
  package static func encode(
    _ edits: some Sequence<IncomingEdit>, of document: DocumentID, _ effort: Zstandard.Effort?
  ) -> [UInt8] {
    var packer = HistoryPacker()
    for edit in edits { packer.append(edit) }
    var writer = ByteWriter()
    writer.write(version)
    document.write(to: &writer)
    packer.finish(effort, into: &writer)
    writer.write(fixed: CRC32C.checksum(writer.storage))
    return writer.bytes
  }

  /// Unpacks a chunk and appends what it holds.
  ///
  /// - Throws: `checksumMismatch` for a damaged chunk, `unsupportedVersion` for one of a later
  ///   release, `invalidValue` for one of another document or whose edits do not follow what the
  ///   history has; discard the history then. Never traps; work and memory are bounded by the bytes
  ///   and ``byteCountMax``.
  /// - Complexity: O(runs and text).
  package static func append(
    _ chunk: [UInt8], to history: inout DocumentHistory,
    in language: OperationLanguage = .current
  ) throws(ByteDecodingError) {
    var unpacker = HistoryUnpacker(try open(chunk, of: history.document), in: language)
    try unpacker.unpack(into: &history)
  }

  private static func open(
    _ chunk: [UInt8], of document: DocumentID
  ) throws(ByteDecodingError) -> ByteReader {
    guard chunk.count <= byteCountMax else {
      throw ByteDecodingError(.limitExceeded, "history chunk")
    }
    var reader = ByteReader(chunk)
    guard try reader.readByte("history chunk version") == version else {
      throw ByteDecodingError(.unsupportedVersion, "history chunk")
    }
    guard chunk.count >= 5 else {
      throw ByteDecodingError(.truncated, "history chunk", at: chunk.count)
    }
    reader = ByteReader(chunk)
    var body = try reader.readSlice(chunk.count - 4, "history chunk")
    guard CRC32C.checksum(chunk[..<(chunk.count - 4)]) == (try reader.readFixed32("checksum"))
    else {
      throw ByteDecodingError(.checksumMismatch, "history chunk")
    }
    _ = try body.readByte("history chunk version")
    guard try DocumentID(from: &body) == document else {
      throw ByteDecodingError(.invalidValue, "document of a history chunk", at: body.offset)
    }
    return body
  }
}
