package import Sealing

/// Names a workspace: the hash of the record that founded it, so that an id cannot be claimed for
/// another founder.
package struct WorkspaceID: Identifier32 {
  package let bytes: Bytes32

  package init(_ bytes: Bytes32) {
    self.bytes = bytes
  }
}
