package holdfast.metadata.op;

import holdfast.model.ClientId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/** A question about the namespace; changes nothing. */
public sealed interface Query {
  /** Most entries one {@link ReadDirectory} gives. */
  int ENTRIES_MAX = 1_000;

  /** Most extents one {@link ReadExtents} gives. */
  int EXTENTS_MAX = 1_500;

  /** What a name leads to: {@link Answer.Entry}; NOT_FOUND, NOT_DIRECTORY. */
  record Lookup(long parent, EntryName name) implements Query {}

  /** An inode's attributes: {@link Answer.Inode}; NOT_FOUND. */
  record GetAttributes(long inode) implements Query {}

  /**
   * Entries of a directory in the order of their cookies: {@link Answer.Listing}; NOT_FOUND,
   * NOT_DIRECTORY. An entry that is there from start to end of a listing comes exactly once.
   *
   * @param afterCookie 0 to start, else the cookie of the last entry seen (it may be gone)
   * @param maxEntries 1 to {@value #ENTRIES_MAX}; fewer come when the answer would grow too long
   */
  record ReadDirectory(long parent, long afterCookie, int maxEntries) implements Query {
    /** Checks the ranges. */
    public ReadDirectory {
      Checks.check(
          maxEntries >= 1 && maxEntries <= ENTRIES_MAX,
          "check entry count: expected=1 to %s, was=%s",
          ENTRIES_MAX,
          maxEntries);
      Checks.check(afterCookie >= 0, "check cookie: expected=0 or more, was=%s", afterCookie);
    }
  }

  /**
   * A file's extents from the one that covers {@code fromOffset} on: {@link Answer.Extents};
   * NOT_FOUND, IS_DIRECTORY, INVALID (not a regular file). Pages of one file fit together if their
   * attributes show the same version.
   *
   * @param maxExtents 1 to {@value #EXTENTS_MAX}
   */
  record ReadExtents(long inode, long fromOffset, int maxExtents) implements Query {
    /** Checks the ranges. */
    public ReadExtents {
      Checks.check(
          maxExtents >= 1 && maxExtents <= EXTENTS_MAX,
          "check extent count: expected=1 to %s, was=%s",
          EXTENTS_MAX,
          maxExtents);
      Checks.check(fromOffset >= 0, "check offset: expected=0 or more, was=%s", fromOffset);
    }
  }

  /** A symbolic link's sealed target: {@link Answer.Target}; NOT_FOUND, INVALID. */
  record ReadLink(long inode) implements Query {}

  /**
   * An extended attribute: {@link Answer.Xattr}, without a value if there is none of that name;
   * NOT_FOUND.
   */
  record GetXattr(long inode, XattrName name) implements Query {}

  /** The names of an inode's extended attributes: {@link Answer.XattrNames}; NOT_FOUND. */
  record ListXattrs(long inode) implements Query {}

  /**
   * A lock that keeps this client from getting the wanted one: {@link Answer.Lock}; NOT_FOUND,
   * IS_DIRECTORY, INVALID (not a regular file).
   */
  record GetLock(long inode, ClientId client, FileLock wanted) implements Query {}

  /** Totals of the namespace: {@link Answer.Totals}. */
  record CountStatistics() implements Query {}

  /** Appends a tag and the fields. */
  default void write(ByteWriter out) {
    switch (this) {
      case Lookup lookup -> {
        out.u8(1).u64(lookup.parent());
        lookup.name().write(out);
      }
      case GetAttributes get -> out.u8(2).u64(get.inode());
      case ReadDirectory read ->
          out.u8(3).u64(read.parent()).u64(read.afterCookie()).u32(read.maxEntries());
      case ReadExtents read ->
          out.u8(4).u64(read.inode()).u64(read.fromOffset()).u32(read.maxExtents());
      case ReadLink read -> out.u8(5).u64(read.inode());
      case CountStatistics count -> out.u8(6);
      case GetXattr get -> {
        out.u8(7).u64(get.inode());
        get.name().write(out);
      }
      case ListXattrs list -> out.u8(8).u64(list.inode());
      case GetLock get -> {
        get.client().write(out.u8(9).u64(get.inode()));
        get.wanted().write(out);
      }
    }
  }

  /** As {@link #write}, into an array of its own. */
  default byte[] toBytes() {
    var out = new ByteWriter(64);
    write(out);
    return out.toBytes();
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is no query
   */
  static Query read(ByteReader in) {
    return Checks.decoding(
        () -> {
          int tag = in.u8();
          return switch (tag) {
            case 1 -> new Lookup(in.u64(), EntryName.read(in));
            case 2 -> new GetAttributes(in.u64());
            case 3 -> new ReadDirectory(in.u64(), in.u64(), in.u32());
            case 4 -> new ReadExtents(in.u64(), in.u64(), in.u32());
            case 5 -> new ReadLink(in.u64());
            case 6 -> new CountStatistics();
            case 7 -> new GetXattr(in.u64(), XattrName.read(in));
            case 8 -> new ListXattrs(in.u64());
            case 9 -> new GetLock(in.u64(), ClientId.read(in), FileLock.read(in));
            default ->
                throw new ByteReader.Malformed("read query: expected=tag 1 to 9, was=" + tag);
          };
        });
  }
}
