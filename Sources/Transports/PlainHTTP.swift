internal import NIOCore
internal import NIOHTTP1

/// An HTTP request that does not ask for a WebSocket, without its headers and body.
package struct PlainRequest: Sendable {
  package let method: String
  /// Path and query, as sent.
  package let target: String
}

/// The answer to a plain request. The connection is closed behind it.
package struct PlainResponse: Sendable {
  package var status: Int
  package var contentType: String
  package var body: String

  package init(
    status: Int, contentType: String = "text/plain; charset=utf-8", body: String
  ) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }

  /// What a listener answers unless it is told better.
  package static let notFound: @Sendable (PlainRequest) async -> PlainResponse = { _ in
    PlainResponse(status: 404, body: "Nothing to read here: this port speaks to replicas.\n")
  }

  /// What a listener that speaks TLS answers who does not.
  static let tlsRequired: @Sendable (PlainRequest) async -> PlainResponse = { _ in
    PlainResponse(status: 426, body: "This port speaks TLS only: wss:// instead of ws://.\n")
  }
}

/// Answers one request and closes. An upgrade that failed arrives here as an end without a head:
/// the upgrade handler has taken the head.
final class PlainHTTPHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let respond: @Sendable (PlainRequest) async -> PlainResponse
  private var request: HTTPRequestHead?
  private var hasAnswered = false

  init(respond: @escaping @Sendable (PlainRequest) async -> PlainResponse) {
    self.respond = respond
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch Self.unwrapInboundIn(data) {
    case .head(let head):
      if request == nil { request = head }
    case .body:
      break
    case .end:
      guard !hasAnswered else { return }
      hasAnswered = true
      answer(context.channel)
    }
  }

  private func answer(_ channel: any Channel) {
    if let request {
      answerLater(
        PlainRequest(method: request.method.rawValue, target: request.uri), respond,
        hasBody: request.method != .HEAD, to: channel)
    } else {
      let response = PlainResponse(
        status: 400, body: "This is not an upgrade that this server understands.\n")
      write(response, hasBody: true, to: channel)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}

/// Outside the handler, which belongs to its event loop.
private func answerLater(
  _ request: PlainRequest, _ respond: @escaping @Sendable (PlainRequest) async -> PlainResponse,
  hasBody: Bool, to channel: any Channel
) {
  Task {
    write(await respond(request), hasBody: hasBody, to: channel)
  }
}

private func write(_ response: PlainResponse, hasBody: Bool, to channel: any Channel) {
  let body = ByteBuffer(string: response.body)
  var headers: HTTPHeaders = [
    "Content-Type": response.contentType,
    "Content-Length": String(body.readableBytes),
    "Connection": "close",
    "Cache-Control": "no-store",
  ]
  if response.status == 426 { headers.add(name: "Upgrade", value: "TLS/1.2, HTTP/1.1") }
  let head = HTTPResponseHead(
    version: .http1_1, status: HTTPResponseStatus(statusCode: response.status), headers: headers)
  channel.write(HTTPServerResponsePart.head(head), promise: nil)
  if hasBody { channel.write(HTTPServerResponsePart.body(.byteBuffer(body)), promise: nil) }
  channel.writeAndFlush(HTTPServerResponsePart.end(nil)).whenComplete { _ in
    channel.close(promise: nil)
  }
}
