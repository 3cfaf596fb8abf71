// How reports are printed: as JSON objects for scripts and as lines for people.

extension Status {
  public var json: JSONValue {
    [
      "workspace": .string(identity.workspace),
      "origin": .string(identity.origin.description),
      "name": .string(identity.name),
      "role": .string(identity.role.rawValue),
      "admitted": .bool(identity.isAdmitted),
      "version": .string(version.text),
      "unsealedChanges": .count(unsealedChangeCount),
      "waitingChanges": .count(waitingChangeCount),
      "stalled": .array(
        stalled.map {
          ["origin": .string($0.origin.description), "reason": .string($0.reason)]
        }),
      "arriving": arrival.map {
        ["documents": .count($0.documents), "documentsInAll": .count($0.documentsInAll)]
      } ?? .null,
      "identityNotes": .array(identityNotes.map { .string($0) }),
      "peers": .array(peers.map(\.json)),
      "servers": .array(servers.map { .integer(Int64($0)) }),
      "addresses": .array(
        addresses.map {
          [
            "address": .string($0.address), "connected": .bool($0.isConnected),
            "failures": .count($0.failureCount),
            "lastError": $0.lastError.map { .string($0) } ?? .null,
          ]
        }),
    ]
  }

  public var lines: [String] {
    var lines: [String] = []
    if !identity.isAdmitted {
      lines.append("Joining: the first sync with the store that invited this one completes it.")
    }
    lines.append(
      "Changes not sealed yet: \(unsealedChangeCount); waiting for others: \(waitingChangeCount).")
    for stalled in stalled {
      lines.append("Origin \(stalled.origin) does not move: \(stalled.reason)")
    }
    if let arrival {
      lines.append(
        "A snapshot is being taken over: \(arrival.documents) of \(arrival.documentsInAll) "
          + "documents have come ('skerry docs --arriving' shows them).")
    }
    lines += identityNotes
    for server in servers { lines.append("It is served by process \(server).") }
    lines += addresses.compactMap(\.line)
    if peers.isEmpty { lines.append("No peer was met yet.") }
    return lines + peers.map(\.line)
  }
}

extension AddressStatus {
  /// Why it is not linked; nil while it is, or was not tried yet.
  var line: String? {
    guard !isConnected, let lastError else { return nil }
    let place = "\(address): "
    let reason = lastError.hasPrefix(place) ? lastError.dropFirst(place.count) : lastError[...]
    return "No link to \(address), which is tried again: \(reason)"
  }
}

extension PeerStatus {
  public var json: JSONValue {
    [
      "device": .string(device),
      "name": name.map { .string($0) } ?? .null,
      "address": address.map { .string($0) } ?? .null,
      "connected": .bool(isConnected),
      "lastContact": lastContact.map { .string($0.text) } ?? .null,
      "changesBehind": .count(changesBehind),
      "bytesBehind": .count(bytesBehind),
      "oldestUnacknowledgedSeconds":
        oldestUnacknowledged.map { .double($0 / .seconds(1)) } ?? .null,
      "stalled": stalledBecause.map { .string($0) } ?? .null,
      "lastError": lastError.map { .string($0) } ?? .null,
    ]
  }

  public var line: String {
    var line = "\(name ?? "device") \(device.prefix(16))"
    line += isConnected ? ", connected" : ""
    line += lastContact.map { ", last contact \($0.text)" } ?? ", never met"
    line += changesBehind == 0 ? ", level" : ", changes behind: \(changesBehind)"
    if bytesBehind > 0 { line += " (\(bytesBehind) bytes)" }
    if let oldestUnacknowledged {
      line += ", the oldest for \(oldestUnacknowledged.components.seconds) s"
    }
    if let stalledBecause { line += ", STALLED: \(stalledBecause)" }
    if let lastError { line += ", last error: \(lastError)" }
    return line
  }
}

extension Info {
  public var json: JSONValue {
    [
      "workspace": .string(identity.workspace),
      "origin": .string(identity.origin.description),
      "name": .string(identity.name),
      "role": .string(identity.role.rawValue),
      "admitted": .bool(identity.isAdmitted),
      "documents": .count(documentCount),
      "changes": .count(changeCount),
      "unsealedChanges": .count(unsealedChangeCount),
      "segments": .count(segmentCount),
      "version": .string(version.text),
      "floor": .string(floor.text),
      "sizes": ["file": .integer(fileBytes), "segments": .integer(segmentBytes)],
      "stateDigest": .string(stateDigest),
    ]
  }
}

extension LoggedChange {
  public var json: JSONValue {
    [
      "change": .string(id.description),
      "origin": .string(id.origin.description),
      "seq": .count(id.sequence),
      "lamport": .count(lamport),
      "time": .string(time.text),
      "size": .count(byteCount),
      "documents": .array(documents.map { .string($0.description) }),
    ]
  }

  public var line: String {
    let names = documents.map(\.description).joined(separator: " ")
    return "\(id)  \(lamport)  \(time.text)  \(byteCount) bytes  \(names)"
  }
}

extension SyncReport {
  public var sentence: String {
    if let failure {
      let reason = failure.description
      return reason.hasPrefix(address) ? reason : "\(address): \(reason)"
    }
    var received = changes(receivedChanges)
    if receivedDocuments > 0 {
      let documents = receivedDocuments == 1 ? "1 document" : "\(receivedDocuments) documents"
      received = "a snapshot of \(documents) and \(received)"
    }
    return "\(address): received \(received), sent \(changes(sentChanges))"
      + (isLevel ? "; both sides are level." : ".")
  }

  private func changes(_ count: UInt64) -> String {
    count == 1 ? "1 change" : "\(count) changes"
  }

  public var json: JSONValue {
    var object: JSONObject = [
      "address": .string(address), "ok": .bool(failure == nil), "level": .bool(isLevel),
      "sentChanges": .count(sentChanges), "receivedChanges": .count(receivedChanges),
      "receivedDocuments": .count(receivedDocuments), "sentBytes": .count(sentBytes),
      "receivedBytes": .count(receivedBytes),
    ]
    if let failure { object["error"] = .string(failure.description) }
    return .object(object)
  }
}
