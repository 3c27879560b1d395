package holdfast.client.file;

import holdfast.client.pool.ChangedAttributes;
import holdfast.client.pool.LostContent;
import holdfast.client.pool.SavedContents;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Operation;
import holdfast.model.ClientId;
import holdfast.model.HoldfastException;

/**
 * The one place that decides whether a file has lost changes of this client, by handles that are
 * closed too: compares them with what the pool has. Any thread; never blocks.
 */
final class OwnChanges {
  private final SavedContents saved;
  private final ChangedAttributes attributes;

  OwnChanges(SavedContents saved, ChangedAttributes attributes) {
    this.saved = saved;
    this.attributes = attributes;
  }

  /** The plan's operation has happened. */
  void committed(CommitPlan plan, long nowNs) {
    Operation.Commit commit = plan.commit();
    saved.saved(
        commit.inode(),
        plan.under(),
        commit.baseVersion(),
        commit.newVersion(),
        plan.askedNs(),
        nowNs);
  }

  /** Whether a file that has this version had a newer one from here. */
  boolean isAhead(long inode, long version) {
    return saved.isAhead(inode, version);
  }

  /** Whether it isn't known if the pool still has what was changed of the inode's attributes. */
  boolean areAttributesIndeterminate(long inode) {
    return attributes.isIndeterminate(inode);
  }

  /** Whether the inode, found like this since the session was lost, has lost a change. */
  boolean areAttributesLost(Attributes found) {
    return attributes.isLostFrom(found);
  }

  /**
   * What is lost of a file that was found like this.
   *
   * @param isUnsaved whether something here is to be laid over it, and rests on what was there
   * @return what is lost, to be reported by the caller; null: nothing
   */
  HoldfastException lostOrNull(
      Acknowledged acknowledged, Attributes known, Attributes found, boolean isUnsaved) {
    HoldfastException lost = acknowledged.lostOrNull(known, found);
    if (lost == null && isUnsaved && saved.isAhead(found.inode(), found.version())) {
      // Written by handles that are closed: what is unsaved stands on it all the same.
      lost = lostOfClosed(found);
    }
    if (lost != null) {
      reported(found);
    }
    return lost;
  }

  /**
   * What handles that are closed have written and the file hasn't got any more, or what was changed
   * of its attributes: reported once.
   */
  HoldfastException takeLostOrNull(Attributes now) {
    if (!saved.isLost(now.inode(), now.version())) {
      return attributes.takeLost(now.inode()) ? LostContent.ofAttributes(now.inode()) : null;
    }
    HoldfastException lost = lostOfClosed(now);
    reported(now);
    return lost;
  }

  /** What closed handles have written and a file that was found like this hasn't got. */
  HoldfastException lostOfClosed(Attributes found) {
    long foundVersion = Attributes.contentVersion(found.version());
    return LostContent.ofFile(found.inode(), saved.version(found), foundVersion);
  }

  private void reported(Attributes found) {
    saved.reported(found.inode(), found.version());
    attributes.reported(found.inode());
  }

  /**
   * The pool doesn't know the file any more.
   *
   * @param current the session by now
   * @return whether what was written has to count as lost
   */
  boolean forget(long inode, ClientId current, long nowNs) {
    return saved.forget(inode, current, nowNs);
  }
}
