/// Where one document in memory keeps a container: good for that document alone, as long as it
/// lives.
package struct ContainerHandle: Hashable, Sendable {
  let index: Int

  static let root = ContainerHandle(index: 0)
}
