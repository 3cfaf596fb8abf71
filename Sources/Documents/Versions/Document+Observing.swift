import Causality
import Merging

/// What a document shows at a moment, to tell later what is different. Storage is shared with the
/// document until that changes.
package struct DocumentView {
  fileprivate let shape: DocumentShape
  fileprivate let texts: [TextRope]
  /// The frontier at that moment.
  fileprivate let parents: [ChangeID]

  /// Of a document that shows nothing.
  package init() { self.init(Document(id: DocumentID(high: 0, low: 0))) }

  fileprivate init(_ document: Document) {
    shape = document.shape
    texts = document.texts
    parents = document.parents
  }
}

extension Document {
  /// What the document shows. Complexity: O(texts); and what is changed from now on is copied
  /// before.
  package var view: DocumentView { DocumentView(self) }

  /// What leads from what was shown at an earlier moment of this document to what it shows now, as
  /// the patches that whoever shows it can apply in order.
  ///
  /// - Parameter history: that of the document as it is. With it, texts are told of change by
  ///   change; without, as the splices that lead from the one text to the other, without authors.
  /// - Complexity: O(keys and elements of the document). Texts cost as in
  ///   ``patches(from:to:in:)``, without a history their length and the differences.
  package func patches(
    since view: DocumentView, in history: DocumentHistory?
  ) throws -> [DocumentPatch] {
    if view.parents == parents { return [] }
    let versions = view.parents.compactMap { history?.lastVersion(of: $0) }
    // Changes may have got other names since.
    if let history, versions.count == view.parents.count {
      return try difference(
        from: view.shape, at: history.graph.dominators(of: versions), to: self,
        at: history.graph.frontier, in: history)
    }
    let after = shape
    var difference = DocumentDifference(
      from: view.shape, to: after,
      changes: { container in
        guard let old = view.shape.handles[container], let new = after.handles[container],
          view.shape.slot(of: old) < view.texts.count
        else { return [] }
        return TextPatch.patches(
          from: view.texts[view.shape.slot(of: old)].string,
          to: self.texts[after.slot(of: new)].string)
      }, text: { self.texts[$0].string })
    return try difference.run()
  }

  /// Does something to the document, a merge or a whole edit, and tells what of it is shown
  /// differently then; see ``patches(since:in:)``. The history is the one that the document keeps,
  /// as it does after a concurrent merge.
  package func observing<Result>(
    _ body: () throws -> Result
  ) throws -> (result: Result, patches: [DocumentPatch]) {
    let view = view
    let result = try body()
    return (result, try patches(since: view, in: history))
  }
}

extension TextPatch {
  /// What leads from one text to another, in the order of the text.
  fileprivate static func patches(from old: String, to new: String) -> [TextPatch] {
    // Each sees the text as those before it leave it.
    var shift = 0
    return TextDifference.splices(from: old, to: new).map { splice in
      defer { shift += splice.inserting.unicodeScalars.count - splice.deleting }
      return TextPatch(
        position: splice.at + shift, removed: splice.deleting, inserted: splice.inserting)
    }
  }
}
