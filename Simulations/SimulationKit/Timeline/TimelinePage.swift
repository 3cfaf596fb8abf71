import JSONCoding

/// Fills the page's template, which lies in `Page` beside this file as HTML, CSS and JavaScript.
///
/// Whatever comes from a trace is data: it enters as escaped text, or inside one JSON element in
/// which nothing can end that element.
struct TimelinePage {
  var title: String
  var command: String
  var data: JSONValue

  var bytes: [UInt8] {
    var page: [UInt8] = []
    let template = PackageResources.Timeline_html
    var index = template.startIndex
    while let open = TimelinePage.find("{{", in: template, from: index),
      let close = TimelinePage.find("}}", in: template, from: open)
    {
      page += template[index..<open]
      append(String(decoding: template[(open + 2)..<close], as: UTF8.self), to: &page)
      index = close + 2
    }
    page += template[index...]
    return page
  }

  private func append(_ name: String, to page: inout [UInt8]) {
    switch name {
    case "title": page += TimelinePage.escaped(title).utf8
    case "command": page += TimelinePage.escaped(command).utf8
    case "style": page += PackageResources.Timeline_css
    case "script":
      page += PackageResources.TimelineModel_js
      page += PackageResources.TimelineDrawing_js
      page += PackageResources.TimelineMarks_js
      page += PackageResources.TimelineInput_js
    case "data": page += TimelinePage.embedded(data)
    default: page += "{{\(name)}}".utf8
    }
  }

  private static func find(_ mark: StaticString, in bytes: [UInt8], from start: Int) -> Int? {
    let letter = mark.utf8Start.pointee
    guard bytes.count >= 2, start < bytes.count - 1 else { return nil }
    return (start..<(bytes.count - 1)).first {
      bytes[$0] == letter && bytes[$0 + 1] == letter
    }
  }

  /// Text as HTML, in an element or in a quoted attribute.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "&": result += "&amp;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// JSON that cannot end the element around it: the three signs stand in texts only, where JSON
  /// lets them be written as numbers.
  static func embedded(_ value: JSONValue) -> [UInt8] {
    var json: [UInt8] = []
    value.write(to: &json)
    var result: [UInt8] = []
    result.reserveCapacity(json.count)
    for byte in json {
      switch byte {
      case UInt8(ascii: "<"): result += "\\u003c".utf8
      case UInt8(ascii: ">"): result += "\\u003e".utf8
      case UInt8(ascii: "&"): result += "\\u0026".utf8
      default: result.append(byte)
      }
    }
    return result
  }
}
