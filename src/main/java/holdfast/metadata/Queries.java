package holdfast.metadata;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.DirectoryEntry;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.SealedTarget;
import holdfast.model.ErrorCode;
import java.util.ArrayList;
import java.util.Optional;

/** Answers queries from a tree, whether finished or under an editor. */
final class Queries {
  /** Bytes of a listing besides its entries. */
  private static final int LISTING_HEAD_BYTES = 1 + Attributes.BYTES + 8 + 4 + 1;

  private final Records records;
  private final Counters counters;

  Queries(Records records, Counters counters) {
    this.records = records;
    this.counters = counters;
  }

  Answer answer(Query query) {
    try {
      return switch (query) {
        case Query.Lookup lookup -> lookup(lookup);
        case Query.GetAttributes get -> new Answer.Inode(records.inode(get.inode()).attributes());
        case Query.ReadDirectory read -> readDirectory(read);
        case Query.ReadExtents read -> readExtents(read);
        case Query.ReadLink read -> readLink(read);
        case Query.GetXattr get -> xattr(get);
        case Query.ListXattrs list -> xattrNames(list);
        case Query.GetLock get -> lock(get);
        case Query.CountStatistics count -> new Answer.Totals(counters.statistics());
      };
    } catch (Refusal refusal) {
      return new Answer.Failed(refusal.code(), refusal.getMessage());
    }
  }

  private Answer lookup(Query.Lookup lookup) {
    var parent = records.directory(lookup.parent());
    var entry = records.findEntry(parent.number, lookup.name());
    if (entry == null) {
      throw new Refusal(
          ErrorCode.NOT_FOUND,
          "look up: was=no such name, name=" + lookup.name() + ", parent=" + parent.number);
    }
    return new Answer.Entry(line(entry));
  }

  private DirectoryEntry line(Entry entry) {
    return new DirectoryEntry(
        entry.cookie(), entry.name(), entry.tag(), records.inode(entry.inode()).attributes());
  }

  private Answer readDirectory(Query.ReadDirectory read) {
    var directory = records.directory(read.parent());
    var entries = new ArrayList<DirectoryEntry>();
    int sizeBytes = LISTING_HEAD_BYTES;
    boolean isFull = false;
    var cursor = records.tree().seek(Keys.entry(directory.number, read.afterCookie() + 1));
    while (!isFull && cursor.isValid() && isEntryOf(cursor.key(), directory.number)) {
      var line = line(Entry.unpack(cursor.key(), cursor.value()));
      sizeBytes += line.encodedBytes();
      isFull = entries.size() == read.maxEntries() || sizeBytes > Answer.ENCODED_MAX_BYTES;
      if (!isFull) {
        entries.add(line);
        cursor.next();
      }
    }
    return new Answer.Listing(directory.attributes(), directory.parent, entries, !isFull);
  }

  private static boolean isEntryOf(byte[] key, long parent) {
    return key[0] == Keys.ENTRY && Keys.u64(key, 1) == parent;
  }

  private Answer readExtents(Query.ReadExtents read) {
    var file = records.file(read.inode());
    var extents =
        records.extents(file, read.fromOffset(), Extent.FILE_MAX_BYTES, read.maxExtents() + 1);
    boolean hasMore = extents.size() > read.maxExtents();
    return new Answer.Extents(
        file.attributes(), hasMore ? extents.subList(0, read.maxExtents()) : extents, hasMore);
  }

  private Answer readLink(Query.ReadLink read) {
    var inode = records.inode(read.inode());
    if (inode.type != FileType.SYMLINK) {
      throw new Refusal(
          ErrorCode.INVALID, "read link: was=" + inode.type + ", inode=" + inode.number);
    }
    byte[] sealed = records.tree().get(Keys.target(inode.number));
    return new Answer.Target(inode.attributes(), new SealedTarget(sealed, (int) inode.sizeBytes));
  }

  private Answer xattr(Query.GetXattr get) {
    var inode = records.inode(get.inode());
    var xattrs = new XattrRecords(records.tree());
    var found = Optional.ofNullable(xattrs.findPlace(inode.number, get.name()).xattr());
    return new Answer.Xattr(inode.attributes(), found.map(xattrs::value));
  }

  private Answer lock(Query.GetLock get) {
    var file = records.file(get.inode());
    var granted = new Locks(records.tree()).inTheWay(file.number, get.client(), get.wanted());
    return new Answer.Lock(
        Optional.ofNullable(granted)
            .map(found -> new Answer.Lock.Granted(found.client(), found.lock())));
  }

  private Answer xattrNames(Query.ListXattrs list) {
    var inode = records.inode(list.inode());
    var all = new XattrRecords(records.tree()).all(inode);
    return new Answer.XattrNames(inode.attributes(), all.stream().map(Xattr::name).toList());
  }
}
