import Documents

struct Page: Codable, Equatable {
  var title = ""
  @CollaborativeText var body = ""
  @Counter var likes = 0
  var time: Timestamp?
}

struct Numbers: Codable, Equatable {
  var int = 0
  var small: Int8 = 1
  var byte: UInt8 = 2
  var large: Int64 = 3
  var unsigned: UInt64 = 4
  var double = 0.5
  var float: Float = 0.25
  var flag = true
}

struct Strings: Codable, Equatable {
  var plain: String
  var text: CollaborativeText
  var keyed: [String: String]
}

struct Stamped: Codable, Equatable {
  var time: Timestamp
  var bytes: [UInt8]
  var times: [Timestamp]
}

struct Garden: Codable, Equatable {
  struct Bed: Codable, Equatable, Identifiable {
    var id: Int
    var plants: [String] = []
  }

  enum Shape: Codable, Equatable {
    case square
    case circle(radius: Int)
    case rectangle(width: Int, height: Int)
  }

  var owner: String?
  var beds: [Bed] = []
  var names: [String: Bed] = [:]
  var signs: Set<String> = []
  var shape = Shape.square

  static let full = Garden(
    owner: "Ada", beds: [Bed(id: 1, plants: ["kale", "leek"]), Bed(id: 2)],
    names: ["a": Bed(id: 3, plants: ["rose"])], signs: ["sunny", "dry"],
    shape: .circle(radius: 2))
}

enum Colour: String, Codable {
  case red, green, blue
}

struct Nothing: Codable, Equatable {}

/// Goes by other names in a document, and writes a level that it does not have.
struct Animal: Codable, Equatable {
  var name: String
  var legs: Int

  private enum Keys: String, CodingKey {
    case name = "called"
    case body
  }

  private enum BodyKeys: String, CodingKey {
    case legs
  }

  init(name: String, legs: Int) {
    self.name = name
    self.legs = legs
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Keys.self)
    name = try container.decode(String.self, forKey: .name)
    var body = try container.nestedUnkeyedContainer(forKey: .body)
    let inner = try body.nestedContainer(keyedBy: BodyKeys.self)
    legs = try inner.decode(Int.self, forKey: .legs)
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Keys.self)
    try container.encode(name, forKey: .name)
    var body = container.nestedUnkeyedContainer(forKey: .body)
    var inner = body.nestedContainer(keyedBy: BodyKeys.self)
    try inner.encode(legs, forKey: .legs)
  }
}

class Pet: Codable {
  var name: String

  init(name: String) { self.name = name }
}

final class Dog: Pet {
  var tricks: [String]

  private enum Keys: CodingKey {
    case tricks
  }

  init(name: String, tricks: [String]) {
    self.tricks = tricks
    super.init(name: name)
  }

  required init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Keys.self)
    tricks = try container.decode([String].self, forKey: .tricks)
    try super.init(from: container.superDecoder())
  }

  override func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Keys.self)
    try container.encode(tricks, forKey: .tricks)
    try super.encode(to: container.superEncoder())
  }
}
