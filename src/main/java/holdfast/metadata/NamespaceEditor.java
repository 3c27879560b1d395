package holdfast.metadata;

/**
 * Applies many operations in a row, cheaper than one by one: parts of the state are copied once and
 * then changed in place. Used by one thread at a time; the namespaces it gives out are immutable as
 * ever.
 */
public final class NamespaceEditor {
  private final Draft draft;
  private boolean wasRepeat;

  NamespaceEditor(Draft draft) {
    this.draft = draft;
  }

  /**
   * Applies an operation, or gives the remembered result if this author's sequence was applied
   * before. A failure is a result like any other, and leaves everything as it was.
   */
  public OperationResult apply(Author author, Operation operation) {
    var window = new ClientWindow(draft);
    var recalled = window.recall(author);
    wasRepeat = recalled.isPresent();
    if (wasRepeat) {
      return recalled.get();
    }
    var result = new Applier(draft).apply(operation);
    window.remember(author, result);
    return result;
  }

  /** Whether the last {@link #apply} changed nothing because it was a retry, or too old for one. */
  public boolean wasRepeat() {
    return wasRepeat;
  }

  /** Begins an epoch, by the leader's command; one that is not newer changes nothing. */
  public void advanceEpoch(long epoch) {
    draft.counters.epoch = Math.max(draft.counters.epoch, epoch);
  }

  /** Answers from the state as it is now. */
  public Answer query(Query query) {
    return new Queries(draft.records(), draft.counters).answer(query);
  }

  /** The state as it is now. The editor may go on. */
  public Namespace namespace() {
    return new Namespace(draft.tree().tree(), draft.counters.copy());
  }
}
