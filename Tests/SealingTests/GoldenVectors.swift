/// Bytes made once with seeded entropy: a change here is a change of format.
enum GoldenVectors {
  static let firstMessage = """
    0100a54b00158b8d20f6f50e382a63946528989b3aaa3479cd1d5aacce768ec8fe566ee9796e1dbbadb17057dce2\
    0120283ae46c50541540e412cf6a2f916e2a1feb
    """

  /// Of the three messages, hashed for the domain `golden`.
  static let handshakeHashes: [String] = [
    "f59b94f169f2845dea6ad85a3f1028bca1200492942924815bede44f03821784",
    "2546a7249f6524d8b0a780a491ffe871f1e553c96217e147a81378e601584e02",
    "d331040b859e4ce3c9643c2c3da8d72c42ba3915c479bd654763003f69b498cc",
  ]

  /// The initiator's first message on the stream, `skerry`.
  static let firstFrame = "d6287929b156291c0ca20c5b7767cdef755b6ec47b8157"
}
