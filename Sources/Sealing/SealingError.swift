/// Why a key, a signature or sealed bytes were refused.
///
/// Two errors are equal when their codes are equal; the subject is for people. An error never says
/// more than that the bytes are not authentic: what exactly was wrong with them helps only someone
/// who is forging them.
package struct SealingError: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Code: Sendable {
    /// The bytes do not have the length that the format gives them.
    case wrongLength
    /// A format version that this build does not know.
    case unsupportedVersion
    /// The bytes were not made with the key that they claim, or were changed since.
    case notAuthentic
    /// A public key of low order, with which no secret can be shared.
    case weakKey
    /// Decrypted bytes whose padding is not the one that padding makes.
    case wrongPadding
    /// The machine has not enough memory for the passphrase function.
    case outOfMemory
  }

  package var code: Code
  package var subject: StaticString

  package init(_ code: Code, _ subject: StaticString) {
    self.code = code
    self.subject = subject
  }

  package static func == (left: SealingError, right: SealingError) -> Bool {
    left.code == right.code
  }

  package var description: String {
    switch code {
    case .wrongLength: "\(subject): the length is wrong"
    case .unsupportedVersion: "\(subject): made by a newer version of this program"
    case .notAuthentic: "\(subject): not made with the right key, or changed since"
    case .weakKey: "\(subject): a public key that must not be used"
    case .wrongPadding: "\(subject): the padding is wrong"
    case .outOfMemory: "\(subject): not enough memory"
    }
  }
}
