// What a planted bug does; nobody calls it in builds without them.
extension SQLiteConnection {
  /// Commits what the transaction has done so far and begins another for the rest, behind the back
  /// of whoever believes to be in one transaction.
  package func splitTransaction() throws(SQLiteError) {
    try run("COMMIT")
    try run("BEGIN IMMEDIATE")
  }
}
