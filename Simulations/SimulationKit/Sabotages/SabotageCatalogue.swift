package import Sabotages

/// A bug that can be planted, and what finding it means.
package struct PlantedBug: Sendable {
  package let sabotage: Sabotage
  /// One sentence: what the engine does wrong with it.
  package let about: String
  /// The scenario whose seeds are to catch it.
  package let scenario: String
  /// A seed of it that does.
  package let seed: UInt64
  /// The promises that it breaks, any of which is its catch.
  package let promises: [String]

  package var name: String { sabotage.rawValue }

  /// Whether this build can plant bugs at all.
  package static var canBePlanted: Bool { Sabotage.canBePlanted }
}

/// Every planted bug, in the order of ``Sabotage``. The simulator is broken when one of them goes
/// through.
package enum SabotageCatalogue {
  package static let all: [PlantedBug] = Sabotage.allCases.map { sabotage in
    let (about, promises) = entry(sabotage)
    return PlantedBug(
      sabotage: sabotage, about: about, scenario: scenario(of: sabotage), seed: seed(of: sabotage),
      promises: promises)
  }

  /// The bug of that name.
  package static func named(_ name: String) -> PlantedBug? { all.first { $0.name == name } }

  /// The swarm, but for bugs that only another kind of world can show.
  private static func scenario(of sabotage: Sabotage) -> String {
    switch sabotage {
    case .forwardWithoutSuppression, .wedgeInSilence: "quiet-ring"
    case .showEveryPlace, .decideUnseen: "quarrel"
    case .moveNodesByArrival: "grove"
    case .keepLastMark, .overlookMarks: "rich-text"
    case .forgetDecisions, .decideTwice: "one-sentence"
    case .mergeDraftOnTop: "drafts"
    case .keepStaleState: "two-releases"
    case .foldTooMuch, .foldConflicts: "compaction"
    case .forgetOwnWork, .sendWhileReturning, .giveTornSnapshot: "homecoming"
    case .dropLastOfBatch, .keepBridge, .missNoHeartbeat: "ring-partition"
    case .reuseSequence: "twins"
    case .leaveForksApart, .neverReadAgain: "forks"
    case .skipSignatureCheck, .skipChainCheck: "adversary"
    case .hideRegression: "lying-relay"
    case .trustWallClock: "bad-clocks"
    case .neverLowerPeer, .relayTellsNobody: "lost-relay"
    case .relaySwallowsFailure: "relay-disks"
    case .knowOneHub: "two-relays"
    case .keepPresence, .takeOldPresence: "presence"
    case .followFirstDeclaration: "redeclared"
    case .leaveLostDocuments: "mould"
    default: "swarm"
    }
  }

  /// The first that catches it, as 'skerry-sim sabotages --hunt' finds it.
  private static func seed(of sabotage: Sabotage) -> UInt64 {
    switch sabotage {
    case .skipChainCheck, .useTransactionAfterError, .neverAsk, .keepBridge, .saveVectorFirst,
      .keepStaleState, .leaveForksApart, .neverReadAgain:
      2
    case .skipSignatureCheck, .keepLastMark, .foldConflicts: 3
    case .knowOneHub, .applyOutsideTransaction: 4
    case .breakTiesByArrival, .ignoreCredit, .refuseWhileWaiting, .neverRedial, .giveUpInSilence,
      .growWithoutBound, .giveTornSnapshot, .decideUnseen, .forgetOwnWork:
      5
    case .dropLosers, .moveNodesByArrival: 7
    case .keepMemoryAfterFailure, .overlookMarks: 8
    case .orderRegistersByArrival: 9
    case .listSidesByArrival: 10
    case .deleteBeatsEdit: 12
    case .sendWhileReturning: 16
    case .forgetDecisions: 23
    case .forgetTombstone: 27
    case .showEveryPlace: 31
    case .decideTwice: 30
    default: 1
    }
  }

  private static func entry(_ sabotage: Sabotage) -> (about: String, promises: [String]) {
    switch sabotage {
    case .skipDependencyCheck:
      ("applies a change before the changes that its author had seen", ["P4", "P6"])
    case .trustLamportTime:
      ("takes a Lamport time that is not ahead for proof that all before it is here", ["P4", "P6"])
    case .countOwnLamportOnly:
      ("counts own changes only in the next Lamport time, on which all others stall", ["P6"])
    case .forgetConcurrentHeads:
      ("lets an arriving change replace heads that its author had not seen", ["P4", "P6"])
    case .orderRegistersByArrival:
      ("keeps the values of a register in the order of their arrival", ["P6"])
    case .dropLosers:
      ("keeps only the winner of concurrent values of a register", ["P7", "P6"])
    case .trustWallClock:
      ("lets the author's wall clock decide which value of a register wins", ["P10", "P6"])
    case .countTwiceInReplay:
      ("counts an increment twice when it is merged by replay", ["P5", "P6"])
    case .deleteBeatsEdit:
      ("leaves a document deleted that was edited at the same time", ["P7", "P6"])
    case .forgetTombstone:
      ("takes a unit of text that two people deleted for visible again", ["P6"])
    case .breakTiesByArrival:
      ("puts concurrent insertions at one place into the order of their replay", ["P6"])
    case .neverRetreat:
      ("replays an operation on top of what its author had not seen", ["P6"])
    case .forgetConcurrency:
      ("takes a version for critical that something concurrent crosses", ["P6"])
    case .loseSign:
      ("encodes an increment without its sign", ["P6"])
    case .showEveryPlace:
      ("shows an element that two people moved at once in both places", ["P6"])
    case .moveNodesByArrival:
      ("lets moves of a tree's nodes take effect in the order of their arrival", ["P6"])
    case .keepLastMark:
      ("lets the mark that arrives last stay of two of one name", ["P6"])
    case .listSidesByArrival:
      ("lists the sides of a conflict in the order of their arrival", ["P6", "P7"])
    case .overlookMarks:
      ("takes the later of two marks made at once for one that has seen the other", ["P7"])
    case .decideUnseen:
      ("lets a decision about a removal end it for edits of which it did not know", ["P7", "P6"])
    case .forgetDecisions:
      ("goes on listing passages of texts about which somebody has decided", ["P7"])
    case .decideTwice:
      ("puts back twice what two people brought back by the same decision", ["P7", "P6"])
    case .mergeDraftOnTop:
      ("merges a draft as if its author had seen all that was done since", ["P7"])
    case .sealWithoutEncrypting:
      ("stores and sends the bodies of segments in the clear", ["P11"])
    case .skipSignatureCheck:
      ("takes segments with any signature", ["P11", "P5"])
    case .skipChainCheck:
      (
        "puts a segment behind another than the one that it names",
        ["P11", "P6", "P2", "P5", "P9", "P14"]
      )
    case .syncNormally:
      ("commits with synchronous=NORMAL", ["P2", "P8"])
    case .acknowledgeBeforeDurable:
      ("acknowledges and shows what peers sent before the disk has it", ["P2", "P8", "P6"])
    case .keepStaleState:
      ("shows a document as an earlier release has left it that understood less", ["P6"])
    case .foldTooMuch:
      ("folds history that some member does not have yet", ["P6", "P12"])
    case .foldConflicts:
      ("folds history whose conflicts nobody has decided", ["P6", "P7", "P12"])
    case .giveTornSnapshot:
      (
        "gives documents of a snapshot as they were and says that it shows what came since",
        ["P6", "P2", "P3", "P4", "P9"]
      )
    case .forgetOwnWork:
      ("forgets what only it had written when it takes a snapshot over", ["P2", "P8", "P9", "P6"])
    case .sendWhileReturning:
      (
        "sends what a store that was put back wrote without knowing what others have folded",
        ["P6", "P12", "P2", "P9"]
      )
    case .leaveLostDocuments:
      ("asks nobody for a document that rotted and that nothing here can make again", ["P6"])
    case .useTransactionAfterError:
      ("goes on after an error that has ended a transaction", ["P2", "P3", "P5", "P6", "P8"])
    case .applyOutsideTransaction:
      ("commits the documents of a change one by one", ["P2", "P3", "P6"])
    case .keepMemoryAfterFailure:
      ("keeps in memory what a failed transaction did", ["P2", "P3", "P6", "P8"])
    case .saveVectorFirst:
      ("saves that a change was applied before it saves what the change did", ["P2", "P3", "P6"])
    case .foldTooEarly:
      ("writes a document's state anew after each change, and loses that from its history", ["P6"])
    case .applyTwice:
      ("applies the changes of a segment again when it comes again", ["P5", "P6"])
    case .wakeNobody:
      ("tells no origin that waits for a change when that change comes", ["P6"])
    case .refuseWhileWaiting:
      ("refuses to write while changes of others wait for what they build on", ["P1"])
    case .hideRegression:
      ("tells nobody that a relay has lost what it had acknowledged", ["P11"])
    case .leaveForksApart:
      (
        "keeps of two histories of one origin the one that came first",
        ["P6", "P9", "P2", "P15", "P4", "P3"]
      )
    case .neverReadAgain:
      (
        "leaves what it has read on the wrong one of two histories when the author tells",
        ["P6", "P3", "P9", "P4", "P2"]
      )
    case .reuseSequence:
      ("lets a restored or copied store go on under its old origin", ["P6", "P9"])
    case .dropLastOfBatch:
      ("counts the last segment of a batch as sent without sending it", ["P6"])
    case .forwardWithoutSuppression:
      ("sends back to a peer what came from it", ["P5"])
    case .ignoreCredit:
      ("sends segments without credit", ["P5", "P6", "P14"])
    case .neverLowerPeer:
      ("believes a peer to have for ever what it once had", ["P6"])
    case .missNoHeartbeat:
      ("keeps a link on which nothing comes any more", ["P6"])
    case .neverAsk:
      ("never asks for what is only advertised", ["P6"])
    case .neverRedial:
      ("never again dials who did not answer once", ["P6"])
    case .giveUpInSilence:
      ("never again dials who did not answer once, and tells nobody", ["P15", "P6"])
    case .keepBridge:
      ("keeps a bridge in the ring when the member behind it is back", ["P5"])
    case .knowOneHub:
      ("knows no hub but the first", ["P6"])
    case .followFirstDeclaration:
      ("keeps the links of a declaration in whose place another one has come", ["P6"])
    case .growWithoutBound:
      ("keeps in its list of what is under way what was acknowledged", ["P14"])
    case .wedgeInSilence:
      ("passes nothing on of what others wrote while a link is up, and misses nothing", ["P15"])
    case .countTheSent:
      ("counts whom a change was sent to among those that have it", ["P2"])
    case .keepPresence:
      ("shows what a device has shown when nothing is heard of it any more", ["P15"])
    case .takeOldPresence:
      ("shows an older presence of a device after a newer one", ["P8"])
    case .relaySwallowsFailure:
      ("lets the relay acknowledge and pass on what its disk refused", ["P2", "P6"])
    case .relayTellsNobody:
      ("lets the relay store what comes and tell nobody who is connected", ["P6"])
    }
  }
}
