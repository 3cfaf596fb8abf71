import Causality
import ChangeCoding
import Documents
import JSONCoding
import ReplicaStore
import Replication

// What people do at the replicas.
extension World {
  func perform(_ work: Plan.Work) {
    guard let node = nodes[work.node] as? ReplicaNode, node.isUp, !node.isPaused,
      let store = node.store
    else { return }
    if work.kind == .show { return show(work, at: node) }
    if work.kind == .declare { return declare(work, at: node) }
    var workload = Workload(
      work, isMarked: plan.hasTwins, isOfFirstRelease: node.language == .first)
    // What the transactions did, also when the commit of them all fails: it may have happened.
    var results: [Result<StoreCommit<Void>, any Error>] = []
    var before: [Change] = []
    do {
      if workload.kind == .draft {
        workload.drafts = try Workload.drafts(of: store)
        before = try checks.changes(shownBy: store)
      }
      let documents = node.view.documents
      let isSealing = node.engine?.sealsAtOnce(at: node.instant(at: now)) ?? false
      try store.group(now: node.wall(at: now), entropy: node.entropy, isSealing: isSealing) {
        group in
        for _ in 0..<workload.transactionCount {
          results.append(
            group.transaction { try workload.perform(in: $0, documents: documents) })
        }
      }
    } catch {
      for case .success(let commit) in results { attempted(commit, by: node) }
      refused(node, error)
      return
    }
    var touched: [DocumentID] = []
    for result in results {
      do {
        let commit = try result.get()
        acknowledge(commit, by: node, workload)
        touched += commit.documents.filter { !touched.contains($0) }
      } catch {
        // Every edit is made to fit, so that a refusal is a broken store.
        refused(node, error)
        return
      }
    }
    if let merge = workload.merge, !node.isRotten {
      check(merge, into: before, at: node, of: store)
    }
    if isAlone(node) { coverage.note("writtenAlone") }
    show(touched, at: node, of: store)
    drive(node) { $0.committed(at: node.instant(at: now)) }
    checkHolders(node)
  }

  private func check(
    _ merge: Workload.Merge, into changes: [Change], at node: ReplicaNode, of store: ReplicaStore
  ) {
    coverage.note("draftMerged")
    do {
      checks.add(
        DraftChecker.check(
          node: node.number, merge, into: changes,
          shown: try store.document(merge.draft.document),
          listed: try store.conflicts(of: merge.draft.document), at: now), &trace)
    } catch {
      failed(node, error)
    }
  }

  /// What a transaction did is seen together with what it found in the file besides: the work of a
  /// commit in doubt, for instance.
  private func show(_ touched: [DocumentID], at node: ReplicaNode, of store: ReplicaStore) {
    guard store.hasNewsOfOthers, !node.disk.isDown else {
      return observe(node, changed: touched)
    }
    do {
      try node.view.renew(touched, from: store, isRotten: node.isRotten)
    } catch {
      return failed(node, error)
    }
    drive(node) { $0.storeChanged(at: node.instant(at: now)) }
    observe(node, changed: [])
  }

  func refused(_ node: ReplicaNode, _ error: any Error) {
    let isDiskWell =
      !node.disk.isDown && !node.isRotten
      && !lasting.values.contains { $0.node == node.number && $0.kind.isOfDisk }
    checks.add(
      WritabilityChecker.check(
        node: node.number, refusal: error, isDiskWell: isDiskWell, isAlone: isAlone(node),
        at: now), &trace)
    failed(node, error)
  }

  /// Nobody else is up that the node could reach.
  private func isAlone(_ node: Node) -> Bool {
    !nodes.contains { other in
      other !== node && other.isUp && !other.isPaused && other.resident != .adversary
        && network.reach.canReach(node.number, other.number)
    }
  }

  private func attempted(_ commit: StoreCommit<Void>, by node: ReplicaNode) {
    guard let change = commit.change else { return }
    coverage.note("commitInDoubt")
    checks.ledger.attempt(change, node: node.number, seen: commit.version, at: now)
  }

  private func acknowledge(
    _ commit: StoreCommit<Void>, by node: ReplicaNode, _ workload: Workload
  ) {
    guard let change = commit.change else { return }
    trace.record(
      at: now, node: node.number, "commit",
      ["change": .string(change.description), "work": .string(workload.kind.rawValue)])
    checks.acknowledge(
      commit, change, by: node, mark: workload.mark, at: now, &trace)
    if let action = workload.ofLaterRelease { checks.ledger.note(action, of: change) }
  }
}
