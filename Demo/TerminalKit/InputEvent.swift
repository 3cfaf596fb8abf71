/// What a person did, or what happened to the terminal.
package enum InputEvent: Hashable, Sendable {
  case key(Key, Modifiers)
  /// Pasted text, line ends made `\n`. A very long paste comes in several pieces.
  case paste(String)
  case mouse(MouseEvent)
  /// The terminal's window gained or lost the keyboard.
  case focus(Bool)
  case resize(Size)
  /// The terminal is gone.
  case end
}

package enum Key: Hashable, Sendable {
  case character(Character)
  case enter, tab, backTab, backspace, delete, insert, escape
  case up, down, left, right, home, end, pageUp, pageDown
  /// F1 is 1.
  case function(Int)
}

package struct Modifiers: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  package static let shift = Modifiers(rawValue: 1)
  package static let alt = Modifiers(rawValue: 2)
  package static let control = Modifiers(rawValue: 4)
}

package struct MouseEvent: Hashable, Sendable {
  package enum Action: Hashable, Sendable {
    case press(Button)
    case release(Button)
    case drag(Button)
    case move
    case wheelUp, wheelDown
  }

  package enum Button: Hashable, Sendable {
    case left, middle, right, other
  }

  package var action: Action
  package var point: Point
  package var modifiers: Modifiers

  package init(_ action: Action, at point: Point, modifiers: Modifiers = []) {
    self.action = action
    self.point = point
    self.modifiers = modifiers
  }
}
