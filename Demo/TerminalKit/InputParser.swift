/// Makes events of the bytes that a terminal sends. Pure: time is handed in by calling `timeOut`
/// when no byte has come for a little while and `isWaiting` says that one was expected; that is how
/// the Escape key is told from the sequences that begin with the same byte.
///
/// Any bytes are allowed. What is not understood is dropped, up to where the next event can begin;
/// what is kept between calls is bounded, and text that is not UTF-8 becomes U+FFFD.
package struct InputParser: Sendable {
  private enum State {
    case ground
    /// After ESC.
    case escape
    /// After ESC O.
    case singleShift
    /// After ESC [; the parameters are in `held`.
    case control
    /// In a sequence that says something to the program (OSC, DCS, APC, PM): dropped up to its end.
    case string(sawEscape: Bool)
    /// Between ESC [ 200 ~ and ESC [ 201 ~; the text is in `held`.
    case paste
  }

  /// The longest control sequence that is understood.
  private static let controlBytesMax = 64
  /// A paste longer than this is handed over in pieces.
  package static let pasteBytesMax = 1 << 20
  private static let pasteEnd = Array("\u{1B}[201~".utf8)

  private var state = State.ground
  private var held: [UInt8] = []
  /// Text on its way: whole characters are made of it when the bytes at hand end.
  private var text: [UInt8] = []
  private var events: [InputEvent] = []

  package init() {}

  /// True when what came so far is the beginning of something.
  package var isWaiting: Bool {
    if case .ground = state { return !text.isEmpty }
    return true
  }

  /// The events that the bytes complete.
  /// Complexity: O(count).
  package mutating func feed(_ bytes: some Sequence<UInt8>) -> [InputEvent] {
    for byte in bytes { take(byte) }
    flushText(keepingIncomplete: true)
    return taken()
  }

  /// No more bytes are coming for now: what is held is all there is. A paste goes on waiting for
  /// its end.
  package mutating func timeOut() -> [InputEvent] {
    switch state {
    case .ground:
      flushText(keepingIncomplete: false)
    case .escape:
      emit(.escape)
      state = .ground
    case .singleShift:
      emit(.character("O"), .alt)
      state = .ground
    case .control where held.isEmpty:
      emit(.character("["), .alt)
      state = .ground
    case .control, .string:
      held = []
      state = .ground
    case .paste:
      break
    }
    return taken()
  }

  private mutating func taken() -> [InputEvent] {
    defer { events = [] }
    return events
  }

  private mutating func emit(_ key: Key, _ modifiers: Modifiers = []) {
    events.append(.key(key, modifiers))
  }

  // MARK: Bytes

  private mutating func take(_ byte: UInt8) {
    switch state {
    case .ground: takeGround(byte, [])
    case .escape: takeEscape(byte)
    case .singleShift:
      state = .ground
      takeFinal(byte, parameters: [])
    case .control: takeControl(byte)
    case .string(let sawEscape):
      if byte == 0x07 || (sawEscape && byte == UInt8(ascii: "\\")) || byte == 0x18 {
        state = .ground
      } else {
        state = .string(sawEscape: byte == 0x1B)
      }
    case .paste: takePaste(byte)
    }
  }

  private mutating func takeGround(_ byte: UInt8, _ modifiers: Modifiers) {
    if byte >= 0x20, byte != 0x7F {
      text.append(byte)
      return
    }
    flushText(keepingIncomplete: false)
    switch byte {
    case 0x1B: state = .escape
    case 0x0D, 0x0A: emit(.enter, modifiers)
    case 0x09: emit(.tab, modifiers)
    case 0x7F: emit(.backspace, modifiers)
    case 0x08: emit(.backspace, modifiers.union(.control))
    case 0x00: emit(.character(" "), modifiers.union(.control))
    default:
      // 1...26 are letters; 28...31 are \ ] ^ _.
      let base: UInt8 = byte <= 26 ? 0x60 : 0x40
      emit(.character(Character(Unicode.Scalar(base + byte))), modifiers.union(.control))
    }
  }

  private mutating func takeEscape(_ byte: UInt8) {
    state = .ground
    switch byte {
    case UInt8(ascii: "["): state = .control
    case UInt8(ascii: "O"): state = .singleShift
    case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "_"), UInt8(ascii: "^"),
      UInt8(ascii: "X"):
      state = .string(sawEscape: false)
    case 0x1B:
      emit(.escape)
      state = .escape
    case 0x20..<0x7F:
      emit(.character(Character(Unicode.Scalar(byte))), .alt)
    case 0x80...:
      // Alt with a letter beyond ASCII: the letter is what counts.
      text.append(byte)
    default:
      takeGround(byte, .alt)
    }
  }

  private mutating func takeControl(_ byte: UInt8) {
    switch byte {
    case 0x20..<0x40:
      held.append(byte)
      if held.count > Self.controlBytesMax {
        held = []
        state = .string(sawEscape: false)
      }
    case 0x40..<0x7F:
      let parameters = held
      held = []
      state = .ground
      takeFinal(byte, parameters: parameters)
    case 0x1B:
      held = []
      state = .escape
    default:
      held = []
      state = .ground
      takeGround(byte, [])
    }
  }

  private mutating func takePaste(_ byte: UInt8) {
    held.append(byte)
    if byte == UInt8(ascii: "~"), held.suffix(Self.pasteEnd.count).elementsEqual(Self.pasteEnd) {
      held.removeLast(Self.pasteEnd.count)
      emitPaste(held)
      held = []
      state = .ground
    } else if held.count >= Self.pasteBytesMax {
      // Cut before anything that could be the beginning of the end mark, of a scalar or of a line
      // end.
      let tail = held.suffix(8)
      let cut =
        tail.lastIndex(of: 0x1B) ?? tail.lastIndex { $0 & 0xC0 != 0x80 && $0 != 0x0A }
        ?? held.endIndex
      emitPaste(Array(held[..<cut]))
      held.removeFirst(cut)
    }
  }

  private mutating func emitPaste(_ bytes: [UInt8]) {
    var clean: [UInt8] = []
    clean.reserveCapacity(bytes.count)
    var previous: UInt8 = 0
    for byte in bytes {
      if byte == 0x0D {
        clean.append(0x0A)
      } else if byte != 0x0A || previous != 0x0D {
        clean.append(byte)
      }
      previous = byte
    }
    if !clean.isEmpty { events.append(.paste(String(decoding: clean, as: UTF8.self))) }
  }

  private mutating func flushText(keepingIncomplete: Bool) {
    guard !text.isEmpty else { return }
    var end = text.count
    if keepingIncomplete { end -= Self.incompleteCount(text) }
    guard end > 0 else { return }
    for character in String(decoding: text[..<end], as: UTF8.self) { emit(.character(character)) }
    text.removeFirst(end)
  }

  /// How many bytes at the end are the beginning of a scalar whose rest has not come.
  private static func incompleteCount(_ bytes: [UInt8]) -> Int {
    for (count, byte) in bytes.suffix(3).reversed().enumerated() {
      if byte & 0xC0 == 0x80 { continue }
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return count + 1 < length && byte < 0xF8 ? count + 1 : 0
    }
    return 0
  }

  // MARK: Sequences

  private mutating func takeFinal(_ final: UInt8, parameters: [UInt8]) {
    if parameters.first == UInt8(ascii: "<") {
      takeMouse(final, Self.numbers(parameters.dropFirst()))
      return
    }
    let numbers = Self.numbers(parameters[...])
    let modifiers = Self.modifiers(numbers.count > 1 ? numbers[1] : 1)
    switch final {
    case UInt8(ascii: "A"): emit(.up, modifiers)
    case UInt8(ascii: "B"): emit(.down, modifiers)
    case UInt8(ascii: "C"): emit(.right, modifiers)
    case UInt8(ascii: "D"): emit(.left, modifiers)
    case UInt8(ascii: "H"): emit(.home, modifiers)
    case UInt8(ascii: "F"): emit(.end, modifiers)
    case UInt8(ascii: "P")...UInt8(ascii: "S"): emit(.function(Int(final) - 0x4F), modifiers)
    case UInt8(ascii: "M") where parameters.isEmpty: emit(.enter, modifiers)
    case UInt8(ascii: "Z"): emit(.backTab, modifiers)
    case UInt8(ascii: "I"): events.append(.focus(true))
    case UInt8(ascii: "O"): events.append(.focus(false))
    case UInt8(ascii: "~"): takeTilde(numbers.first ?? 0, modifiers)
    case UInt8(ascii: "u"): takeUnicode(numbers.first ?? 0, modifiers)
    default: break
    }
  }

  private mutating func takeTilde(_ number: Int, _ modifiers: Modifiers) {
    switch number {
    case 1, 7: emit(.home, modifiers)
    case 2: emit(.insert, modifiers)
    case 3: emit(.delete, modifiers)
    case 4, 8: emit(.end, modifiers)
    case 5: emit(.pageUp, modifiers)
    case 6: emit(.pageDown, modifiers)
    case 11...15: emit(.function(number - 10), modifiers)
    case 17...21: emit(.function(number - 11), modifiers)
    case 23, 24: emit(.function(number - 12), modifiers)
    case 200: state = .paste
    default: break
    }
  }

  /// The form that some terminals use for keys with modifiers: the scalar, and what was held with
  /// it.
  private mutating func takeUnicode(_ value: Int, _ modifiers: Modifiers) {
    switch value {
    case 13: emit(.enter, modifiers)
    case 9: emit(modifiers.contains(.shift) ? .backTab : .tab, modifiers.subtracting(.shift))
    case 27: emit(.escape, modifiers)
    case 127, 8: emit(.backspace, modifiers)
    case 32...:
      if let scalar = UInt32(exactly: value).flatMap(Unicode.Scalar.init) {
        emit(.character(Character(scalar)), modifiers)
      }
    default: break
    }
  }

  private mutating func takeMouse(_ final: UInt8, _ numbers: [Int]) {
    guard numbers.count == 3, final == UInt8(ascii: "M") || final == UInt8(ascii: "m") else {
      return
    }
    let code = numbers[0]
    let button: MouseEvent.Button =
      switch code & 0b1100_0011 {
      case 0: .left
      case 1: .middle
      case 2: .right
      default: .other
      }
    let action: MouseEvent.Action
    if code & 64 != 0 {
      guard code & 3 < 2 else { return }
      action = code & 1 == 0 ? .wheelUp : .wheelDown
    } else if code & 32 != 0 {
      action = code & 3 == 3 ? .move : .drag(button)
    } else {
      action = final == UInt8(ascii: "M") ? .press(button) : .release(button)
    }
    var modifiers: Modifiers = []
    if code & 4 != 0 { modifiers.insert(.shift) }
    if code & 8 != 0 { modifiers.insert(.alt) }
    if code & 16 != 0 { modifiers.insert(.control) }
    let point = Point(x: max(0, numbers[1] - 1), y: max(0, numbers[2] - 1))
    events.append(.mouse(MouseEvent(action, at: point, modifiers: modifiers)))
  }

  private static func modifiers(_ parameter: Int) -> Modifiers {
    Modifiers(rawValue: UInt8(max(0, parameter - 1) & 7))
  }

  /// Numbers between semicolons, each at most 1,114,111; what follows a colon is left out.
  private static func numbers(_ bytes: ArraySlice<UInt8>) -> [Int] {
    bytes.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map { field in
      var number = 0
      for byte in field {
        guard (0x30...0x39).contains(byte) else { break }
        number = min(0x10_FFFF, number * 10 + Int(byte - 0x30))
      }
      return number
    }
  }
}
