/// Remove `deleteCount` Unicode scalars at `position`, then put `insertion` there.
package struct TracePatch: Equatable, Sendable {
  package var position: Int
  package var deleteCount: Int
  package var insertion: String

  package init(position: Int, deleteCount: Int, insertion: String) {
    self.position = position
    self.deleteCount = deleteCount
    self.insertion = insertion
  }
}

/// One person's recorded editing session: patches that apply one after another, from the empty
/// text.
package struct SequentialTrace: Sendable {
  package var name: String
  /// The text after every patch.
  package var endContent: String
  package var patches: [TracePatch]

  package init(name: String, endContent: String, patches: [TracePatch]) {
    self.name = name
    self.endContent = endContent
    self.patches = patches
  }
}

/// A recorded session of several people: patches and the graph of who had seen what.
package struct ConcurrentTrace: Sendable {
  package struct Transaction: Sendable {
    /// Indices of earlier transactions; empty when it starts from the empty text.
    package var parents: [Int]
    package var agent: Int
    /// Positions are those of the text that merging exactly the parents gives.
    package var patches: [TracePatch]

    package init(parents: [Int], agent: Int, patches: [TracePatch]) {
      self.parents = parents
      self.agent = agent
      self.patches = patches
    }
  }

  package var name: String
  /// The text that merging everything gives.
  package var endContent: String
  package var agentCount: Int
  package var transactions: [Transaction]

  package init(
    name: String, endContent: String, agentCount: Int, transactions: [Transaction]
  ) {
    self.name = name
    self.endContent = endContent
    self.agentCount = agentCount
    self.transactions = transactions
  }
}
