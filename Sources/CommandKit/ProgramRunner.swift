package import ArgumentParser
private import Skerry

/// Ends a command with a sentence and an exit status.
package struct CommandFailure: Error, Sendable {
  package var sentence: String
  package var status: Int32

  package init(sentence: String, status: Int32 = 1) {
    self.sentence = sentence
    self.status = status
  }
}

/// Runs a program the way all programs of this package do: 0 done, 1 failed, 2 wrong command line,
/// 3 a damaged or too new store, 4 not permitted; errors as one sentence on standard error.
package enum ProgramRunner {
  /// Parses, runs, says what went wrong, and leaves the process.
  package static func main(_ program: (some ParsableCommand).Type) async -> Never {
    ThisProcess.ignoreBrokenPipes()
    ThisProcess.leave(await run(program, arguments: nil))
  }

  /// The exit status. `arguments` are the process's own when nil.
  package static func run(
    _ program: (some ParsableCommand).Type, arguments: [String]?
  ) async -> Int32 {
    let name = program.configuration.commandName ?? "\(program)"
    let command: any ParsableCommand
    do {
      command = try program.parseAsRoot(arguments)
    } catch {
      return report(parsing: error, in: program)
    }
    do {
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        var command = command
        try command.run()
      }
      try StandardOutput.flush()
      return 0
    } catch is OutputClosed {
      return 1
    } catch {
      try? StandardOutput.flush()
      return report(running: error, in: program, name: name)
    }
  }

  private static func report(
    parsing error: any Error, in program: (some ParsableCommand).Type
  ) -> Int32 {
    let text = program.fullMessage(for: error)
    guard program.exitCode(for: error) == .success else {
      StandardError.write(text.hasSuffix("\n") ? text : text + "\n")
      return 2
    }
    try? StandardOutput.write(line: text)
    try? StandardOutput.flush()
    return 0
  }

  private static func report(
    running error: any Error, in program: (some ParsableCommand).Type, name: String
  ) -> Int32 {
    switch error {
    case let error as ReplicaError:
      StandardError.say(error.description, as: name)
      return error.exitStatus
    case let error as CommandFailure:
      StandardError.say(error.sentence, as: name)
      return error.status
    case let code as ExitCode:
      return code.rawValue
    case is CancellationError:
      return 0
    case is ValidationError:
      return report(parsing: error, in: program)
    case _ where program.exitCode(for: error) == .success:
      // Help that was asked for comes as an error.
      return report(parsing: error, in: program)
    default:
      StandardError.say("\(error)", as: name)
      return 1
    }
  }
}
