import Foundation

/// Records what a process writes to the files of a store, in order, with its syncs: a small library
/// that is loaded before the others stands between the process and the C library.
struct WriteRecorder {
  /// The file of the store, and the log that SQLite keeps beside it.
  enum File: UInt8, CaseIterable {
    case database, log

    var suffix: String { self == .database ? "" : "-wal" }
  }

  struct Step {
    enum Action: UInt8 {
      case write = 1
      case truncate, sync, remove
    }

    let action: Action
    let file: File
    /// Of a write; the new size of the file that is truncated.
    let offset: Int
    let bytes: [UInt8]
    /// How long standard output was when the step had happened.
    let outputBytes: Int
  }

  private let library: String
  private let journal: String

  /// The compiler that makes the library; nil where there is none.
  static let compiler = ["/usr/bin/cc", "/usr/bin/gcc", "/usr/bin/clang"].first {
    FileManager.default.isExecutableFile(atPath: $0)
  }

  init(in scratch: Scratch) throws {
    library = scratch.path("recorder.so")
    journal = scratch.path("journal")
    let source = scratch.path("recorder.c")
    try Self.source.write(toFile: source, atomically: true, encoding: .utf8)
    let process = Process()
    process.executableURL = URL(filePath: Self.compiler ?? "")
    process.arguments = ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"]
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw ToolError(description: "the recorder cannot be compiled")
    }
  }

  /// What a process is started with that is to be recorded.
  func environment(for store: String) -> [String: String] {
    ["LD_PRELOAD": library, "RECORDED_STORE": store, "RECORDED_TO": journal]
  }

  func steps() throws -> [Step] {
    let data = [UInt8](try Data(contentsOf: URL(filePath: journal)))
    var steps: [Step] = []
    var rest = data[...]
    func number(_ place: Int) -> Int {
      rest.dropFirst(place).prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    while rest.count >= 32 {
      let count = number(16)
      guard let action = Step.Action(rawValue: rest[rest.startIndex]),
        let file = File(rawValue: rest[rest.startIndex + 1]), rest.count >= 32 + count
      else { throw ToolError(description: "the record is unreadable at \(rest.startIndex)") }
      steps.append(
        Step(
          action: action, file: file, offset: number(8),
          bytes: Array(rest.dropFirst(32).prefix(count)), outputBytes: number(24)))
      rest = rest.dropFirst(32 + count)
    }
    return steps
  }

  private static let source = """
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <fcntl.h>
    #include <pthread.h>
    #include <stdint.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/stat.h>
    #include <sys/uio.h>
    #include <unistd.h>

    enum { WRITE = 1, TRUNCATE, SYNC, REMOVE };
    struct header { uint8_t action, file, zero[6]; uint64_t offset, count, output; };
    static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

    /* Which file of the store it is: 0 the database, 1 the log; -1 none of them. */
    static int file_of(const char *path) {
      const char *store = getenv("RECORDED_STORE");
      size_t length = store ? strlen(store) : 0;
      if (!length || strncmp(path, store, length)) return -1;
      if (!path[length]) return 0;
      return strcmp(path + length, "-wal") ? -1 : 1;
    }

    static int file_behind(int descriptor) {
      char link[64], path[4096];
      snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
      ssize_t count = readlink(link, path, sizeof path - 1);
      if (count < 0) return -1;
      path[count] = 0;
      return file_of(path);
    }

    static void note(int action, int file, uint64_t offset, const void *bytes, uint64_t count) {
      struct stat output;
      struct header header = { action, file, {0}, offset, count, 0 };
      static int journal = -1;
      pthread_mutex_lock(&turn);
      if (journal < 0) journal = open(getenv("RECORDED_TO"), O_WRONLY | O_CREAT | O_APPEND, 0600);
      if (!fstat(1, &output)) header.output = output.st_size;
      struct iovec parts[2] = { { &header, sizeof header }, { (void *)bytes, count } };
      if (writev(journal, parts, 2) != (ssize_t)(sizeof header + count)) abort();
      pthread_mutex_unlock(&turn);
    }

    #define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

    ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
      ssize_t done = NEXT(pwrite64)(descriptor, bytes, count, offset);
      int file = file_behind(descriptor);
      if (done > 0 && file >= 0) note(WRITE, file, offset, bytes, done);
      return done;
    }

    int ftruncate64(int descriptor, off64_t size) {
      int failed = NEXT(ftruncate64)(descriptor, size);
      int file = file_behind(descriptor);
      if (!failed && file >= 0) note(TRUNCATE, file, size, 0, 0);
      return failed;
    }

    int fdatasync(int descriptor) {
      int failed = NEXT(fdatasync)(descriptor);
      int file = file_behind(descriptor);
      if (!failed && file >= 0) note(SYNC, file, 0, 0, 0);
      return failed;
    }

    int fsync(int descriptor) {
      int failed = NEXT(fsync)(descriptor);
      int file = file_behind(descriptor);
      if (!failed && file >= 0) note(SYNC, file, 0, 0, 0);
      return failed;
    }

    int unlink(const char *path) {
      int file = file_of(path);
      int failed = NEXT(unlink)(path);
      if (!failed && file >= 0) note(REMOVE, file, 0, 0, 0);
      return failed;
    }
    """
}

/// What of a recorded session is on the disk when the power fails.
struct RecordedDisk {
  /// What becomes of what was written and not synced.
  enum Fate: CaseIterable {
    case lost, kept
    /// The last write only in part.
    case torn
    /// Some of it, as drives and file systems reorder.
    case scattered
  }

  private var synced: [WriteRecorder.File: [UInt8]]
  private(set) var unsynced: [WriteRecorder.Step] = []
  /// How long standard output is.
  private(set) var outputBytes = 0

  init(database: [UInt8]) {
    synced = [.database: database]
  }

  mutating func take(_ step: WriteRecorder.Step) {
    outputBytes = step.outputBytes
    guard step.action == .sync else { return unsynced.append(step) }
    for earlier in unsynced where earlier.file == step.file && earlier.action != .remove {
      Self.perform(earlier, on: &synced)
    }
    unsynced.removeAll { $0.file == step.file && $0.action != .remove }
  }

  func contents(
    _ fate: Fate, using chance: inout some RandomNumberGenerator
  ) -> [WriteRecorder.File: [UInt8]] {
    var files = synced
    for (place, step) in unsynced.enumerated() {
      switch fate {
      case .lost: continue
      case .kept: Self.perform(step, on: &files)
      case .torn:
        let isLast = place == unsynced.count - 1
        Self.perform(step, on: &files, byteCount: isLast ? step.bytes.count / 2 : nil)
      case .scattered:
        if Bool.random(using: &chance) { Self.perform(step, on: &files) }
      }
    }
    return files
  }

  private static func perform(
    _ step: WriteRecorder.Step, on files: inout [WriteRecorder.File: [UInt8]],
    byteCount: Int? = nil
  ) {
    switch step.action {
    case .sync: break
    case .remove: files[step.file] = nil
    case .truncate:
      let size = step.offset
      var bytes = files[step.file] ?? []
      bytes = Array(bytes.prefix(size)) + [UInt8](repeating: 0, count: max(0, size - bytes.count))
      files[step.file] = bytes
    case .write:
      var bytes = files[step.file] ?? []
      let written = step.bytes.prefix(byteCount ?? step.bytes.count)
      let end = step.offset + written.count
      if bytes.count < end {
        bytes.append(contentsOf: [UInt8](repeating: 0, count: end - bytes.count))
      }
      bytes.replaceSubrange(step.offset..<end, with: written)
      files[step.file] = bytes
    }
  }
}
