/// How many columns a terminal gives a character: 0, 1 or 2.
///
/// A character is what a person sees as one (a grapheme cluster); its width is that of its first
/// scalar that has one, and two when a variation selector asks for the form of an emoji. Terminals
/// differ on the rarer clusters, which is why the encoder states the position again after each of
/// them. Complexity: O(1) for ASCII, else O(log n) in the size of the table for each scalar.
package func displayWidth(_ character: Character) -> Int {
  if let ascii = character.asciiValue { return ascii >= 0x20 && ascii < 0x7F ? 1 : 0 }
  var width = 0
  var scalarCount = 0
  var asksForEmoji = false
  var regionalIndicators = 0
  for scalar in character.unicodeScalars {
    scalarCount += 1
    // A cluster may be made of any number of marks; no more than these can matter.
    if scalarCount > 16 { break }
    if width == 0 { width = scalarWidth(scalar) }
    if scalar.value == 0xFE0F { asksForEmoji = true }
    if (0x1F1E6...0x1F1FF).contains(scalar.value) { regionalIndicators += 1 }
  }
  if width == 1, asksForEmoji || regionalIndicators == 2 { return 2 }
  return width
}

/// The columns of a text on one line.
package func displayWidth(_ text: some StringProtocol) -> Int {
  var width = 0
  for character in text { width += displayWidth(character) }
  return width
}

private func scalarWidth(_ scalar: Unicode.Scalar) -> Int {
  let value = scalar.value
  if value < 0x300 { return value < 0x20 || (0x7F..<0xA0).contains(value) ? 0 : 1 }
  if WidthTable.contains(WidthTable.zero, value) { return 0 }
  return WidthTable.contains(WidthTable.wide, value) ? 2 : 1
}

extension Character {
  /// What to show in place of a character that would steer the terminal: a picture of it. Nil when
  /// the character can be shown as it is; characters without a width (and without harm) are the
  /// caller's.
  var picture: Character? {
    guard let first = unicodeScalars.first else { return nil }
    switch first.value {
    case 0..<0x20: return Unicode.Scalar(0x2400 + first.value).map(Character.init)
    case 0x7F: return "\u{2421}"
    case 0x80..<0xA0, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069: return "\u{FFFD}"
    default: return nil
    }
  }

  /// Without the marks that nobody could see any more: a cluster may hold any number of them.
  var bounded: Character {
    guard utf8.count > 64 else { return self }
    var scalars = String.UnicodeScalarView()
    scalars.append(contentsOf: unicodeScalars.prefix(12))
    return String(scalars).first ?? "\u{FFFD}"
  }
}
