internal import Relaying

extension RelayStatus {
  private struct Metric {
    var name: String
    var kind: String
    var help: String
    var value: UInt64
  }

  private var metrics: [Metric] {
    func counter(_ name: String, _ help: String, _ value: UInt64) -> Metric {
      Metric(name: "skerry_relay_\(name)_total", kind: "counter", help: help, value: value)
    }
    func gauge(_ name: String, _ help: String, _ value: Int) -> Metric {
      Metric(name: "skerry_relay_\(name)", kind: "gauge", help: help, value: UInt64(max(value, 0)))
    }
    return [
      gauge("healthy", "1 when the last commit succeeded.", failure == nil ? 1 : 0),
      gauge("links", "Links that are open.", links),
      gauge("workspaces", "Workspaces that are stored.", workspaces),
      gauge("open_workspaces", "Workspaces whose databases are open.", openWorkspaces),
      counter("links_accepted", "Connections that came in.", counters.linksAccepted),
      counter("links_refused", "Connections beyond the limit.", counters.linksRefused),
      counter(
        "strangers_refused", "Devices that are not members.", counters.strangersRefused),
      counter("received_bytes", "Bytes from clients.", counters.bytesReceived),
      counter("sent_bytes", "Bytes to clients.", counters.bytesSent),
      counter("segments_received", "Segments that passed every check.", counters.segmentsReceived),
      counter("segments_stored", "Segments made durable.", counters.segmentsStored),
      counter("segments_duplicate", "Segments that were here.", counters.segmentsDuplicate),
      counter("segments_refused", "Segments that failed a check.", counters.segmentsRefused),
      counter("segments_over_quota", "Segments without room.", counters.segmentsOverQuota),
      counter("segments_sent", "Segments read for clients.", counters.segmentsSent),
      counter("records_received", "Membership records taken.", counters.recordsReceived),
      counter("records_refused", "Membership records refused.", counters.recordsRefused),
      counter("commits", "Transactions.", counters.commits),
      counter("commits_failed", "Transactions that failed.", counters.commitsFailed),
    ]
  }

  /// In the text format of Prometheus.
  var prometheusText: String {
    metrics.map { metric in
      """
      # HELP \(metric.name) \(metric.help)
      # TYPE \(metric.name) \(metric.kind)
      \(metric.name) \(metric.value)

      """
    }.joined()
  }

  /// A page for people.
  var page: String {
    let rows = metrics.map { "<tr><td>\($0.help)</td><td class=n>\($0.value)</td></tr>" }
    let state = complaint.map { "Not well: \(RelayStatus.escaped($0))" } ?? "All is well."
    return """
      <!doctype html><html lang=en><meta charset=utf-8><title>Skerry relay</title>
      <meta name=viewport content="width=device-width"><meta http-equiv=refresh content=5>
      <style>body{font:16px/1.5 system-ui;margin:2rem auto;max-width:40rem;padding:0 1rem}
      table{border-collapse:collapse;width:100%}td{border-top:1px solid #8884;padding:.2rem 0}
      .n{text-align:right;font-variant-numeric:tabular-nums}</style>
      <h1>Skerry relay</h1><p>\(state)</p><table>\(rows.joined(separator: "\n"))</table></html>

      """
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "&": result += "&amp;"
      default: result.append(character)
      }
    }
  }
}
