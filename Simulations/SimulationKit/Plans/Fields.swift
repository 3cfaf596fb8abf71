import JSONCoding

/// Why a file is not a plan or a scenario: a sentence.
package struct PlanError: Error, Equatable, CustomStringConvertible {
  package var description: String

  package init(_ description: String) {
    self.description = description
  }
}

/// The members of a JSON object, asked for by name, with a sentence when one is missing or wrong.
struct Fields {
  private let object: JSONObject
  private let owner: String

  init(_ json: JSONValue, of owner: String) throws(PlanError) {
    guard let object = json.objectValue else {
      throw PlanError("\(owner) must be a JSON object")
    }
    self.object = object
    self.owner = owner
  }

  func value(_ name: String) throws(PlanError) -> JSONValue {
    guard let value = object[name] else { throw PlanError("\(owner) needs '\(name)'") }
    return value
  }

  func has(_ name: String) -> Bool {
    object[name] != nil
  }

  func string(_ name: String) throws(PlanError) -> String {
    guard let text = try value(name).stringValue else {
      throw PlanError("'\(name)' of \(owner) must be a text")
    }
    return text
  }

  func integer(_ name: String, in range: ClosedRange<Int>) throws(PlanError) -> Int {
    guard let number = try value(name).integerValue.flatMap({ Int(exactly: $0) }),
      range.contains(number)
    else {
      throw PlanError(
        "'\(name)' of \(owner) must be a whole number from \(range.lowerBound) to "
          + "\(range.upperBound)")
    }
    return number
  }

  func array(_ name: String) throws(PlanError) -> [JSONValue] {
    guard let elements = try value(name).arrayValue, elements.count <= Plan.itemCountMax else {
      throw PlanError(
        "'\(name)' of \(owner) must be an array of at most \(Plan.itemCountMax) items")
    }
    return elements
  }

  func flag(_ name: String) throws(PlanError) -> Bool {
    guard let flag = try value(name).boolValue else {
      throw PlanError("'\(name)' of \(owner) must be true or false")
    }
    return flag
  }

  /// A 64-bit number, written as a text: readers in other languages round large numbers.
  func number(_ name: String) throws(PlanError) -> UInt64 {
    guard let number = UInt64(try string(name)) else {
      throw PlanError("'\(name)' of \(owner) must be a whole number written as a text")
    }
    return number
  }

  /// One of the words of an enumeration.
  func choice<Choice: RawRepresentable & CaseIterable>(
    _ name: String
  ) throws(PlanError) -> Choice where Choice.RawValue == String {
    try Fields.choice(try value(name), "'\(name)' of \(owner)")
  }

  static func choice<Choice: RawRepresentable & CaseIterable>(
    _ json: JSONValue, _ subject: String
  ) throws(PlanError) -> Choice where Choice.RawValue == String {
    let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
    guard let word = json.stringValue, let choice = Choice(rawValue: word) else {
      throw PlanError("\(subject) must be one of \(known), not \(json.text())")
    }
    return choice
  }

  /// Numbers of nodes.
  static func numbers(
    _ json: JSONValue, _ subject: String, in range: ClosedRange<Int>
  ) throws(PlanError) -> [Int] {
    guard let elements = json.arrayValue, elements.count <= Plan.nodeCountMax else {
      throw PlanError("\(subject) must be an array of nodes")
    }
    return try elements.map { element throws(PlanError) in
      guard let number = element.integerValue.flatMap({ Int(exactly: $0) }), range.contains(number)
      else { throw PlanError("\(subject) names \(element.text()), which is no node") }
      return number
    }
  }

  /// A misspelt name would otherwise go unnoticed.
  func refuseOthers(than known: [String]) throws(PlanError) {
    for member in object.members where !known.contains(member.key) {
      throw PlanError(
        "\(owner) has no '\(member.key)'; it knows \(known.joined(separator: ", "))")
    }
  }
}
