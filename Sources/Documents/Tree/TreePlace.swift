package import Causality

/// Where an operation puts a node of a tree.
///
/// A place among siblings is named by the placement that is to be on its left, not by a number or
/// by bytes between two neighbours: such a name never grows, two people who put something at one
/// spot never get equal ones, and what each has put there in a row stays in a row.
package struct TreePlace: Hashable, Sendable {
  /// The node to stand under; nil: the top of the tree.
  package var parent: EventID?
  /// The operation that put a sibling where it is, or was, of which this one stands on the right;
  /// nil: first.
  package var after: EventID?

  package init(in parent: EventID? = nil, after: EventID? = nil) {
    self.parent = parent
    self.after = after
  }
}
