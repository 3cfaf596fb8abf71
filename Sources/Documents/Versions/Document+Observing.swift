import Causality

extension Document {
  /// Does something to the document, a merge or a whole edit, and tells what of it is shown
  /// differently then, as the patches that whoever shows the document can apply in order.
  ///
  /// Where the document keeps its history, as it does after a concurrent merge, texts are told of
  /// change by change; else each text that is another one as one patch, without an author.
  ///
  /// - Complexity: that of `body`, and O(keys and elements of the document); what `body` changes is
  ///   copied before. Texts cost as in ``patches(from:to:in:)``, without a history their length.
  package func observing<Result>(
    _ body: () throws -> Result
  ) throws -> (result: Result, patches: [DocumentPatch]) {
    let before = shape
    let from = parents
    let texts = hasHistory ? [] : self.texts
    let result = try body()
    if let history {
      let versions = from.compactMap { history.lastVersion(of: $0) }
      let patches = try difference(
        from: before, at: history.graph.dominators(of: versions), to: self,
        at: history.graph.frontier, in: history)
      return (result, patches)
    }
    let after = shape
    var difference = DocumentDifference(
      from: before, to: after,
      changes: { container in
        guard let old = before.handles[container], let new = after.handles[container],
          before.slot(of: old) < texts.count
        else { return [] }
        return TextPatch(
          from: texts[before.slot(of: old)].string, to: self.texts[after.slot(of: new)].string
        ).map { [$0] } ?? []
      }, text: { self.texts[$0].string })
    return (result, try difference.run())
  }
}

extension TextPatch {
  /// What one text has that the other lacks, between what both begin and end with; nil where they
  /// are the same.
  fileprivate init?(from old: String, to new: String) {
    let (old, new) = (Array(old.unicodeScalars), Array(new.unicodeScalars))
    guard old != new else { return nil }
    let front = zip(old, new).prefix { $0 == $1 }.count
    let back = zip(old.dropFirst(front).reversed(), new.dropFirst(front).reversed())
      .prefix { $0 == $1 }.count
    var inserted = String.UnicodeScalarView()
    inserted.append(contentsOf: new[front..<new.count - back])
    self.init(
      position: front, removed: old.count - front - back, inserted: String(inserted))
  }
}
