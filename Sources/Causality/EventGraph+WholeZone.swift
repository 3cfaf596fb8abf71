internal import RunStructures

extension EventGraph {
  /// The conflict zone of the empty document and everything there is, which opening from history
  /// replays: what ``conflictZone(from:to:reachesRoot:)`` would find, without a search.
  ///
  /// Complexity: O(r log r) for r graph runs and their parents.
  func wholeZone() -> ConflictZone {
    let cuts = cutsWithinRuns()
    var pieces = Arena<ConflictZone.Piece>(capacity: runCount + cuts.count)
    var parents = Arena<UInt32>(capacity: parentPool.count + cuts.count + 1)
    var nextCut = 0
    // The run before and where its parents are: mostly those who see the same come one by one.
    var sharedRun = -1
    var sharedStart = 0
    for run in 0..<runCount {
      let named = parentRange(ofRun: run)
      var parentStart = parents.count
      if sharedRun >= 0, named.count > 1,
        parentPool[named].elementsEqual(parentPool[parentRange(ofRun: sharedRun)])
      {
        parentStart = sharedStart
      } else {
        for index in named {
          parents.append(Self.piece(endingAt: parentPool[index] + 1, in: pieces))
        }
      }
      sharedRun = run
      sharedStart = parentStart
      var parentCount = named.count
      var start = runStarts[run]
      let end = runEnd(run)
      while start < end {
        var pieceEnd = end
        if nextCut < cuts.count, cuts[nextCut] < end {
          pieceEnd = cuts[nextCut]
          nextCut += 1
        }
        pieces.append(
          ConflictZone.Piece(
            start: start, end: pieceEnd, parentStart: UInt32(parentStart),
            parentCount: UInt32(parentCount), isNew: true))
        start = pieceEnd
        guard start < end else { break }
        parentStart = parents.count
        parentCount = 1
        parents.append(UInt32(pieces.count - 1))
      }
    }
    return ConflictZone(base: [], pieces: pieces, parents: parents)
  }

  /// The versions after those that are named as parents and do not end a run: ascending, each once.
  private func cutsWithinRuns() -> Arena<Int> {
    var cuts = Arena<Int>()
    for run in 0..<runCount {
      for index in parentRange(ofRun: run) {
        let version = parentPool[index]
        if runEnd(runIndex(containing: version, notAfter: run)) > version + 1 {
          cuts.append(version + 1)
        }
      }
    }
    guard cuts.count > 1 else { return cuts }
    var all = UnsafeMutableBufferPointer(start: cuts.base, count: cuts.count)
    all.sort()
    var kept = 1
    for index in 1..<cuts.count where cuts[index] != cuts[kept - 1] {
      cuts[kept] = cuts[index]
      kept += 1
    }
    cuts.removeLast(cuts.count - kept)
    return cuts
  }

  /// The piece that ends where a parent of the next one does. Complexity: O(log d) for one that is
  /// d pieces back.
  private static func piece(
    endingAt end: Int, in pieces: borrowing Arena<ConflictZone.Piece>
  ) -> UInt32 {
    var step = 1
    var high = pieces.count - 1
    while high >= step, pieces[high - step].end >= end {
      high -= step
      step *= 2
    }
    // The first piece that does not end before.
    var low = max(0, high - step)
    while low < high {
      let middle = (low + high) / 2
      if pieces[middle].end < end { low = middle + 1 } else { high = middle }
    }
    return UInt32(low)
  }
}
