#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#else
  private import Darwin
#endif

/// A file of a folder that was left out, and why.
public struct FolderProblem: Sendable, CustomStringConvertible {
  /// Its path inside the folder.
  public let file: String
  public let reason: String

  public var description: String { Sentence.of("'\(file)' was left out: \(reason)") }
}

/// The few things that import and export ask of a file system. Links are not followed.
struct Folder {
  static let fileBytesMax = 16 << 20
  private static let depthMax = 64

  let path: String

  /// Opens a folder that is there.
  init(at path: String) throws(ReplicaError) {
    var status = stat()
    guard stat(path, &status) == 0 else { throw Folder.failure("'\(path)' cannot be read") }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw ReplicaError(.invalid, "'\(path)' is not a folder.")
    }
    self.path = path
  }

  /// Makes the folder where it is missing.
  init(making path: String) throws(ReplicaError) {
    if mkdir(path, 0o777) != 0, errno != EEXIST {
      throw Folder.failure("The folder '\(path)' cannot be made")
    }
    try self.init(at: path)
  }

  /// The files below, sorted by path, without those whose name starts with a dot.
  func files() throws(ReplicaError) -> (files: [String], problems: [FolderProblem]) {
    var files: [String] = []
    var problems: [FolderProblem] = []
    var folders = [(path: "", depth: 0)]
    while let (folder, depth) = folders.popLast() {
      for name in try names(in: folder) {
        let inside = folder.isEmpty ? name : folder + "/" + name
        var status = stat()
        guard lstat(path + "/" + inside, &status) == 0 else {
          problems.append(FolderProblem(file: inside, reason: Folder.reason()))
          continue
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: files.append(inside)
        case S_IFDIR where depth < Folder.depthMax: folders.append((inside, depth + 1))
        case S_IFDIR: problems.append(FolderProblem(file: inside, reason: "it is too deep inside"))
        default: problems.append(FolderProblem(file: inside, reason: "it is not a plain file"))
        }
      }
    }
    files.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    return (files, problems)
  }

  private func names(in folder: String) throws(ReplicaError) -> [String] {
    let place = folder.isEmpty ? path : path + "/" + folder
    guard let stream = opendir(place) else {
      throw Folder.failure("The folder '\(place)' cannot be read")
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }

  /// Whether there is a plain file of that name. Links are none.
  func has(_ file: String) -> Bool {
    var status = stat()
    return lstat(path + "/" + file, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// Takes a file away.
  func remove(_ file: String) throws(ReplicaError) {
    guard unlink(path + "/" + file) == 0 || errno == ENOENT else {
      throw Folder.failure("'\(path)/\(file)' cannot be removed")
    }
  }

  /// The text of a file, or why there is none.
  func text(
    of file: String, bytesMax: Int = Folder.fileBytesMax
  ) -> Result<String, ReplicaError> {
    let descriptor = open(path + "/" + file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return .failure(ReplicaError(.io, Folder.reason())) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { return .failure(ReplicaError(.io, Folder.reason())) }
      if count == 0 { break }
      bytes.append(contentsOf: chunk[..<count])
      guard bytes.count <= bytesMax else {
        let limit = bytesMax >> 20
        return .failure(ReplicaError(.invalid, "it is larger than \(limit) MiB"))
      }
    }
    guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
      return .failure(ReplicaError(.invalid, "it is not text in UTF-8"))
    }
    return .success(text)
  }

  /// Writes a file whole: whoever reads it sees the old bytes or the new ones. Folders on the way
  /// are made.
  func write(_ text: String, to file: String) throws(ReplicaError) {
    if case .success(let present) = self.text(of: file),
      present.utf8.elementsEqual(text.utf8)
    {
      return
    }
    try makeFolders(to: file)
    let place = path + "/" + file
    let temporary = place + ".skerry-new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw Folder.failure("'\(temporary)' cannot be made") }
    let isWritten = Folder.writeAll(Array(text.utf8), to: descriptor)
    let isClosed = close(descriptor) == 0
    guard isWritten, isClosed, rename(temporary, place) == 0 else {
      let failure = Folder.failure("'\(place)' cannot be written")
      unlink(temporary)
      throw failure
    }
  }

  private func makeFolders(to file: String) throws(ReplicaError) {
    var place = path
    for name in file.split(separator: "/").dropLast() {
      place += "/" + name
      if mkdir(place, 0o777) != 0, errno != EEXIST {
        throw Folder.failure("The folder '\(place)' cannot be made")
      }
    }
  }

  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let chunk = UnsafeRawBufferPointer(rebasing: rest)
        let count = systemWrite(descriptor, chunk.baseAddress, chunk.count)
        if count > 0 {
          rest = rest.dropFirst(count)
        } else if errno != EINTR {
          return false
        }
      }
      return true
    }
  }

  /// What the operating system says about the last call that failed.
  static func reason() -> String { String(cString: strerror(errno)) }

  static func failure(_ what: String) -> ReplicaError {
    ReplicaError(.io, "\(what): \(reason()).")
  }
}

private func systemWrite(
  _ descriptor: Int32, _ start: UnsafeRawPointer?, _ count: Int
) -> Int {
  write(descriptor, start, count)
}
