import Testing

@testable import Transports

struct AddressTests {
  @Test(arguments: [
    ("tcp://127.0.0.1:7000", Address.tcp(Endpoint(host: "127.0.0.1", port: 7000))),
    ("TCP://Skerry.example:1/", .tcp(Endpoint(host: "Skerry.example", port: 1))),
    ("tcp://[::1]:65535", .tcp(Endpoint(host: "::1", port: 65_535))),
    ("tcp://[fe80::1%eth0]:5", .tcp(Endpoint(host: "fe80::1%eth0", port: 5))),
    ("ws://relay:8080/", .webSocket(Endpoint(host: "relay", port: 8080), path: "/")),
    ("ws://relay:8080", .webSocket(Endpoint(host: "relay", port: 8080), path: "/")),
    ("ws://relay", .webSocket(Endpoint(host: "relay", port: 80), path: "/")),
    ("ws://r:1/a/b?c=d", .webSocket(Endpoint(host: "r", port: 1), path: "/a/b?c=d")),
    ("ws://r:1?c", .webSocket(Endpoint(host: "r", port: 1), path: "/?c")),
    ("wss://r/x", .secureWebSocket(Endpoint(host: "r", port: 443), path: "/x")),
    ("notes.skerry", .path("notes.skerry")),
    ("/var/a:b", .path("/var/a:b")),
    ("./tcp://x", .path("./tcp://x")),
    ("://x", .path("://x")),
  ])
  func readsEveryForm(text: String, expected: Address) throws {
    #expect(try Address(text) == expected)
    #expect(try Address(expected.description) == expected)
  }

  @Test(arguments: [
    ("", "empty"),
    ("http://a:1", "scheme 'http' is unknown"),
    ("tcp://", "host before the port is missing"),
    ("tcp://:7", "host before the port is missing"),
    ("tcp://a", "port is missing"),
    ("tcp://a:", "port must be a number from 1"),
    ("tcp://a:0", "port 0"),
    ("tcp://a:65536", "port must be a number"),
    ("tcp://a:99999999999999999999999", "port must be a number"),
    ("tcp://a:+1", "port must be a number"),
    ("tcp://a:1/x", "ends after the port"),
    ("tcp://::1:7", "goes in brackets"),
    ("tcp://[::1:7", "']'"),
    ("tcp://[127.0.0.1]:7", "not an IPv6"),
    ("tcp://[]:7", "not an IPv6"),
    ("tcp://[::1]7", "port must be a number"),
    ("tcp://a b:7", "not a host name"),
    ("tcp://é:7", "not a host name"),
    ("ws://user@a:7", "user names"),
    ("ws://a:7/b c", "percent-encoded"),
    ("ws://a:7/b\r\nX: y", "percent-encoded"),
    ("ws://a:7/#b", "'#'"),
  ])
  func saysWhatIsWrong(text: String, part: String) {
    let error = #expect(throws: AddressError.self) { try Address(text) }
    #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
  }

  @Test func aHostNameMayHave253Bytes() throws {
    let name = String(repeating: "a", count: 253)
    #expect(throws: Never.self) { try Address("tcp://\(name):1") }
    #expect(throws: AddressError.self) { try Address("tcp://\(name)a:1") }
  }

  @Test func listeningTakesPortZero() throws {
    #expect(try Endpoint("127.0.0.1:0") == Endpoint(host: "127.0.0.1", port: 0))
    #expect(try Endpoint("[::]:0").description == "[::]:0")
    #expect(throws: AddressError.self) { try Endpoint("7000") }
    #expect(throws: AddressError.self) { try Endpoint("127.0.0.1:70000") }
    #expect(throws: AddressError.self) { try Endpoint("") }
  }
}
