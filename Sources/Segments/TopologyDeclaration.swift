package import ByteCoding
package import Sealing

/// Which links the members of a workspace keep, as one of them has declared it for all.
///
/// `FORMAT.md` beside this file gives the bytes.
package struct TopologyDeclaration: Hashable, Sendable {
  package enum Shape: UInt8, Sendable, CaseIterable {
    case mesh = 1
    case ring = 2
    case star = 3
  }

  package struct Member: Hashable, Sendable {
    package var device: SigningKey.Public
    /// Where the others reach it.
    package var address: String

    package init(device: SigningKey.Public, address: String) {
      self.device = device
      self.address = address
    }
  }

  package static let format: UInt8 = 1
  package static let membersMax = 1_024
  package static let hubsMax = 64
  /// In UTF-8.
  package static let addressBytesMax = 255

  package var shape: Shape
  /// In the order of the ring.
  package var members: [Member]
  /// The addresses of a star's hubs, the first choice first. They need not be among the members: a
  /// relay is not.
  package var hubs: [String]

  package init(shape: Shape, members: [Member], hubs: [String] = []) {
    self.shape = shape
    self.members = members
    self.hubs = hubs
  }

  /// Why nobody could follow it; nil for a good one. Complexity: O(n).
  package var flaw: TopologyFlaw? {
    guard members.count <= Self.membersMax, hubs.count <= Self.hubsMax else { return .tooMany }
    guard !members.isEmpty || !hubs.isEmpty else { return .empty }
    if shape == .star, hubs.isEmpty { return .noHub }
    var devices: Set<SigningKey.Public> = []
    var addresses: Set<String> = []
    for member in members {
      guard devices.insert(member.device).inserted else { return .repeated(member.address) }
      guard addresses.insert(member.address).inserted else { return .repeated(member.address) }
    }
    var hubAddresses: Set<String> = []
    for hub in hubs where !hubAddresses.insert(hub).inserted { return .repeated(hub) }
    for address in members.map(\.address) + hubs {
      guard (1...Self.addressBytesMax).contains(address.utf8.count),
        address.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
      else { return .noAddress(address) }
    }
    return nil
  }
}

/// What is wrong with a declaration of links.
package enum TopologyFlaw: Error, Equatable, Sendable, CustomStringConvertible {
  case empty
  case tooMany
  case noHub
  /// A device or an address that is named twice.
  case repeated(String)
  case noAddress(String)

  package var description: String {
    switch self {
    case .empty: "it names nobody"
    case .tooMany:
      "it names more than \(TopologyDeclaration.membersMax) members or "
        + "\(TopologyDeclaration.hubsMax) hubs"
    case .noHub: "a star needs a hub"
    case .repeated(let address): "it names '\(address)', or who is there, twice"
    case .noAddress(let address):
      "'\(address)' is no address of 1 to \(TopologyDeclaration.addressBytesMax) bytes"
    }
  }
}

extension TopologyDeclaration {
  package func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.write(Self.format)
    writer.write(shape.rawValue)
    writer.write(count: members.count)
    for member in members {
      member.device.write(to: &writer)
      writer.write(string: member.address)
    }
    writer.write(count: hubs.count)
    for hub in hubs { writer.write(string: hub) }
    return writer.bytes
  }

  /// - Throws: `unsupportedVersion` for one of a later release, `invalidValue` for one that nobody
  ///   could follow.
  package init(decoding bytes: [UInt8]) throws(ByteDecodingError) {
    var reader = ByteReader(bytes)
    guard try reader.readByte("format") == Self.format,
      let shape = Shape(rawValue: try reader.readByte("shape of a topology"))
    else { throw ByteDecodingError(.unsupportedVersion, "topology") }
    self.shape = shape
    members = []
    let memberCount = try reader.readCount(
      "members of a topology", minimumBytesEach: Bytes32.byteCount + 1, limit: Self.membersMax)
    for _ in 0..<memberCount {
      members.append(
        Member(
          device: try SigningKey.Public(from: &reader, "device"),
          address: try reader.readString("address", limit: Self.addressBytesMax)))
    }
    hubs = []
    let hubCount = try reader.readCount("hubs of a topology", limit: Self.hubsMax)
    for _ in 0..<hubCount {
      hubs.append(try reader.readString("address", limit: Self.addressBytesMax))
    }
    try reader.finish("topology")
    guard flaw == nil else { throw ByteDecodingError(.invalidValue, "topology") }
  }
}
