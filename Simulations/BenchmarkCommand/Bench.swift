import CommandKit
import JSONCoding

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Runs a thing several times and prints the smallest, the middle and the largest figure.
struct Bench {
  let runs: Int
  let isJSON: Bool

  /// Times `measure` in what it uses of a core. What `prepare` makes for a run is not timed, nor is
  /// `check`, which says whether the result is right.
  ///
  /// - Parameters:
  ///   - count: how many things one run does; nil reports milliseconds for all, a number
  ///     microseconds for each.
  ///   - floor: what the time is held against: done right before each run and right after it, as
  ///     machines are faster at times. The ratio to the quicker of the two is reported too.
  func time<Input, Output>(
    _ name: String, _ subject: String, each count: Int? = nil, over floor: (() -> Void)? = nil,
    prepare: () throws -> Input, check: (Output) throws -> Bool,
    measure: (Input) throws -> Output
  ) throws {
    var figures: [Double] = []
    var ratios: [Double] = []
    for _ in 0..<runs {
      let input = try prepare()
      let before = floor.map { Self.seconds($0) }
      let start = Self.coreSeconds
      let output = try measure(input)
      let seconds = Self.coreSeconds - start
      if let before, let after = floor.map({ Self.seconds($0) }) {
        ratios.append(seconds / Swift.max(Swift.min(before, after), 1e-9))
      }
      guard try check(output) else {
        throw CommandFailure(sentence: "\(name) of \(subject) gives a wrong result")
      }
      figures.append(count.map { seconds * 1e6 / Double($0) } ?? seconds * 1e3)
    }
    report(name, subject, unit: count == nil ? "ms" : "us", figures)
    report("\(name).ratio", subject, unit: "ratio", ratios)
  }

  private static func seconds(_ body: () -> Void) -> Double {
    let start = coreSeconds
    body()
    return coreSeconds - start
  }

  /// Measures how much of something there is in a second of a core that `measure` uses: whatever
  /// else runs on the machine takes nothing of it.
  func rate<Output>(
    _ name: String, _ subject: String, unit: String, of amount: (Output) -> Double,
    measure: () throws -> Output
  ) throws {
    var figures: [Double] = []
    for _ in 0..<runs {
      let start = Self.coreSeconds
      let output = try measure()
      figures.append(amount(output) / max(Self.coreSeconds - start, 1e-9))
    }
    report(name, subject, unit: unit, figures)
  }

  /// What this process has used of all cores; the measurements use one.
  private static var coreSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// Prints a figure that does not vary.
  func figure(_ name: String, _ subject: String, _ value: Int, unit: String) {
    report(name, subject, unit: unit, [Double(value)])
  }

  private func report(_ name: String, _ subject: String, unit: String, _ figures: [Double]) {
    if let figures = Figures(figures) { report(name, subject, unit: unit, figures) }
  }

  func report(_ name: String, _ subject: String, unit: String, _ figures: Figures) {
    if isJSON {
      let json: JSONValue = [
        "name": .string(name), "subject": .string(subject), "unit": .string(unit),
        "min": .double(figures.min), "median": .double(figures.median),
        "max": .double(figures.max), "runs": .count(figures.runs),
      ]
      print(json.text())
    } else {
      print(
        "\(padded(name, 26)) \(padded(subject, 18)) \(rounded(figures.median)) \(unit)",
        terminator: "")
      print(figures.runs > 1 ? "   (\(rounded(figures.min)) to \(rounded(figures.max)))" : "")
    }
    // Each line when it is known: a run takes minutes.
    fflush(nil)
  }

  private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private func rounded(_ value: Double) -> String {
    value >= 100 || value == value.rounded()
      ? String(Int(value.rounded())) : String((value * 1000).rounded() / 1000)
  }
}

/// What several runs of one measurement gave.
struct Figures {
  var min: Double
  var median: Double
  var max: Double
  var runs: Int
}

extension Figures {
  /// Nil for no runs.
  init?(_ figures: [Double]) {
    let sorted = figures.sorted()
    guard let min = sorted.first, let max = sorted.last else { return nil }
    self.init(min: min, median: sorted[sorted.count / 2], max: max, runs: sorted.count)
  }
}
