import Causality

// Two who resolve one conflict about a text at once make another one of it unless the text is what
// each of them wanted: where each has removed what the other has left nothing of it is there.
extension TextCollisionFinder {
  /// What the changes of two resolutions did to a section; nil when they did nothing to it.
  func decision(_ rivals: Seed, in section: SequenceDeeds.Section) -> Passage? {
    let changes = [rivals.left, rivals.right].map { finder.history.change(at: $0).lowerBound..<$0 }
    func isOfOne(_ event: Int) -> Bool { changes.contains { $0.contains(event) } }
    let touched = section.stretches.indices.filter { index in
      let stretch = section.stretches[index]
      return isOfOne(stretch.insertions.lowerBound)
        || stretch.deletions.contains { isOfOne($0.first) }
    }
    guard let first = touched.first, let last = touched.last else { return nil }
    return Passage(stretches: first...last, seeds: [rivals], authors: authors(of: [rivals]))
  }

  /// Whether something that a side wrote is there, or, where two have resolved at once, whether
  /// they do not both have what they wanted.
  func isOpen(_ parts: [Part], _ passage: Passage, _ latest: [Int: Int]) -> Bool {
    guard passage.seeds.contains(where: rivals.contains) else {
      return parts.contains { $0.isShown && $0.author != nil }
    }
    func text(_ belongs: (Part) -> Bool) -> String {
      parts.reduce(into: "") { if belongs($1) { $0 += $1.text } }
    }
    let shown = text(\.isShown)
    return latest.keys.contains { author in
      !text { $0.belongs(to: author) }.utf8.elementsEqual(shown.utf8)
    }
  }
}
