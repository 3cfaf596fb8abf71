/// Bugs that can be planted into the engine, each the mistake of a tired engineer and each the end
/// of one promise. A simulator that does not find them all is broken.
///
/// They are for test builds: where `SABOTAGES` is not defined, ``isPlanted`` is a constant that the
/// compiler sees, and every line that asks for it is gone. A hook is one line in the place where
/// the mistake would be made:
///
/// ```
/// if Sabotage.skipDependencyCheck.isPlanted { return nil }
/// ```
///
/// `@usableFromInline` lets other modules see into ``isPlanted``; without it each hook would call.
@usableFromInline
package enum Sabotage: String, CaseIterable, Sendable {

  // MARK: Order and documents

  /// A change is applied before the changes that its author had seen. Breaks P4.
  case skipDependencyCheck
  /// A Lamport time that is not ahead of ours counts as proof that all before it is here. Breaks
  /// P4.
  case trustLamportTime
  /// The next change's Lamport time counts own changes only. Breaks P6: others stall on it.
  case countOwnLamportOnly
  /// A change that arrives replaces all heads, also those that its author had not seen. Breaks P4.
  case forgetConcurrentHeads
  /// The values of a register stand in the order of their arrival. Breaks P6.
  case orderRegistersByArrival
  /// Of two concurrent values of a register one is dropped, not kept as a conflict. Breaks P7.
  case dropLosers
  /// Registers are ordered by the author's wall clock. Breaks P10.
  case trustWallClock
  /// A counter's increment counts twice when it is merged by replay. Breaks P6.
  case countTwiceInReplay
  /// A document that was deleted and edited at once stays deleted. Breaks P7.
  case deleteBeatsEdit
  /// A unit of text that two people deleted is taken for visible again. Breaks P6.
  case forgetTombstone
  /// Of concurrent insertions at one place the one that was replayed first stands first. Breaks P6.
  case breakTiesByArrival
  /// The walker does not take back what the next operation's author had not seen. Breaks P6.
  case neverRetreat
  /// A version counts as critical although something concurrent crosses it. Breaks P6.
  case forgetConcurrency
  /// An encoded increment loses its sign. Breaks P6.
  case loseSign
  /// An element that two people moved at once is shown where either has put it. Breaks P6.
  case showEveryPlace
  /// Moves of the nodes of a tree take effect in the order of their arrival. Breaks P6.
  case moveNodesByArrival
  /// Of two marks of one name the one that arrives last stays. Breaks P6.
  case keepLastMark
  /// The sides of a conflict are listed in the order of their arrival. Breaks P6.
  case listSidesByArrival
  /// Of two marks made at once the later one counts as if its author had seen the other. Breaks P7.
  case overlookMarks
  /// A decision about a removal ends it for edits, too, of which it did not know. Breaks P7.
  case decideUnseen
  /// Decisions about passages of texts are not looked at. Breaks P7.
  case forgetDecisions
  /// What two brought back into a text by the same decision is there twice. Breaks P7.
  case decideTwice
  /// A draft is merged as if its author had seen all that was done since it began. Breaks P7.
  case mergeDraftOnTop

  // MARK: Sealing

  /// Bodies are stored and sent in the clear. Breaks P11.
  case sealWithoutEncrypting
  /// Any signature will do. Breaks P11.
  case skipSignatureCheck
  /// A segment is put behind any other of its origin. Breaks P6: equal vectors, other changes.
  case skipChainCheck

  // MARK: The store

  /// `synchronous=NORMAL`: a commit that returned can be lost. Breaks P2.
  case syncNormally
  /// What peers sent is acknowledged and shown before the disk has it. Breaks P2.
  case acknowledgeBeforeDurable
  /// A document is shown as a release has folded it that did not understand all of it. Breaks P6.
  case keepStaleState
  /// History is folded that some member does not have yet. Breaks P6.
  case foldTooMuch
  /// History is folded whose conflicts nobody has decided. Breaks P7.
  case foldConflicts
  /// Documents that change while a snapshot is given are not given again. Breaks P6.
  case giveTornSnapshot
  /// Whoever takes a snapshot over forgets what only it had written. Breaks P2.
  case forgetOwnWork
  /// A store that was put back sends what it wrote without knowing what others have folded. Breaks
  /// P12.
  case sendWhileReturning
  /// After an error that has ended a transaction the work goes on, and is acknowledged. Breaks P2.
  case useTransactionAfterError
  /// What documents a change touched are committed one by one. Breaks P3.
  case applyOutsideTransaction
  /// What is in memory is kept when a transaction fails. Breaks P3.
  case keepMemoryAfterFailure
  /// That a change was applied is saved before what it did. Breaks P2.
  case saveVectorFirst
  /// A document's state is written anew after each change, and its history loses the last one.
  /// Breaks P6.
  case foldTooEarly
  /// While changes of others wait for what they build on, own ones are refused. Breaks P1.
  case refuseWhileWaiting
  /// A segment that comes again is applied again. Breaks P5.
  case applyTwice
  /// Nobody who waits for a change is told when it comes. Breaks P6.
  case wakeNobody
  /// A restored or copied store goes on under its old origin. Breaks P9.
  case reuseSequence
  /// Of two histories of one origin the one that came first is kept, and the other one refused.
  /// Breaks P6.
  case leaveForksApart
  /// What was read before its author told what it builds on stays as it was read. Breaks P6.
  case neverReadAgain

  /// A document that nothing here can make again is not asked for. Breaks P6.
  case leaveLostDocuments

  // MARK: The protocol

  /// The last segment of a batch is counted as sent and is not. Breaks P6.
  case dropLastOfBatch
  /// What a peer sent is sent back to it. Breaks P5: a payload crosses a link twice.
  case forwardWithoutSuppression
  /// Segments are sent without credit. Breaks P14.
  case ignoreCredit
  /// What a peer once had it is believed to have for ever. Breaks P6.
  case neverLowerPeer
  /// A link on which nothing comes any more is kept. Breaks P6.
  case missNoHeartbeat
  /// Advertised changes are never asked for. Breaks P6.
  case neverAsk
  /// Who did not answer once is not dialled again. Breaks P6.
  case neverRedial
  /// Who did not answer once is not dialled again, and status shows no failure. Breaks P15.
  case giveUpInSilence
  /// A bridge in the ring is kept when the member that it stood in for is back. Breaks P5.
  case keepBridge
  /// A leaf knows no hub but the first. Breaks P6.
  case knowOneHub
  /// A declaration of links that takes another's place changes nothing. Breaks P6.
  case followFirstDeclaration
  /// What was acknowledged stays in the list of what is under way. Breaks P14.
  case growWithoutBound
  /// What comes from others while a link is up is not passed on over it, and not missed either.
  /// Breaks P15: a queue stands still, and nobody is told.
  case wedgeInSilence
  /// Whom a change was sent to counts among those that have it. Breaks P2: a commit that waits for
  /// others does not.
  case countTheSent
  /// What a device shows stays when nothing is heard of it any more. Breaks P15.
  case keepPresence
  /// A presence note is taken though a later one of its device has come. Breaks P8.
  case takeOldPresence

  /// A peer that has lost what it acknowledged is sent it again, and nobody is told. Breaks P11.
  case hideRegression

  // MARK: The relay

  /// The relay acknowledges and passes on what its disk refused. Breaks P2.
  case relaySwallowsFailure
  /// The relay stores what comes and tells nobody who is connected. Breaks P6.
  case relayTellsNobody
}
