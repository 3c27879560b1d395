package holdfast.metadata.op;

import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The answer to a {@link Query}. Encodes to at most {@value #ENCODED_MAX_BYTES} bytes. */
public sealed interface Answer {
  /** Longest encoding. */
  int ENCODED_MAX_BYTES = 120 << 10;

  /** To a lookup. */
  record Entry(DirectoryEntry entry) implements Answer {}

  /** To a question for attributes. */
  record Inode(Attributes attributes) implements Answer {}

  /**
   * To the reading of a directory.
   *
   * @param directory its own attributes
   * @param parentInode the directory above it; the root's is itself
   * @param atEnd whether nothing follows the last entry
   */
  record Listing(
      Attributes directory, long parentInode, List<DirectoryEntry> entries, boolean atEnd)
      implements Answer {
    /** Takes a copy. */
    public Listing {
      entries = List.copyOf(entries);
    }
  }

  /**
   * To the reading of extents: ascending, without overlap; the first may begin before the offset
   * asked for.
   *
   * @param hasMore whether the file has extents behind the last one
   */
  record Extents(Attributes attributes, List<Extent> extents, boolean hasMore) implements Answer {
    /** Takes a copy. */
    public Extents {
      extents = List.copyOf(extents);
    }
  }

  /** To the reading of a symbolic link. */
  record Target(Attributes attributes, SealedTarget target) implements Answer {}

  /** To the question for an extended attribute; empty if there is none of that name. */
  record Xattr(Attributes attributes, Optional<XattrValue> value) implements Answer {}

  /** To the question for an inode's extended attributes, in no particular order. */
  record XattrNames(Attributes attributes, List<XattrName> names) implements Answer {
    /** Takes a copy. */
    public XattrNames {
      names = List.copyOf(names);
    }
  }

  /** To the question for a lock; empty if none is in the way. */
  record Lock(Optional<Granted> granted) implements Answer {
    /** A lock and the client whose session has it. */
    public record Granted(ClientId client, FileLock lock) {}
  }

  /** To the question for totals. */
  record Totals(Statistics statistics) implements Answer {}

  /** Not found, or not the kind of inode asked for. */
  record Failed(ErrorCode code, String text) implements Answer {
    /** Cuts the text. */
    public Failed {
      text = OperationResult.cut(text);
    }
  }

  /**
   * This answer.
   *
   * @throws HoldfastException with the code and text if it is {@link Failed}
   */
  default Answer orThrow() {
    if (this instanceof Failed failed) {
      throw new HoldfastException(failed.code(), failed.text());
    }
    return this;
  }

  /** Appends a tag and the fields. */
  default void write(ByteWriter out) {
    switch (this) {
      case Entry entry -> entry.entry().write(out.u8(1));
      case Inode inode -> inode.attributes().write(out.u8(2));
      case Listing listing -> {
        listing.directory().write(out.u8(3));
        out.u64(listing.parentInode()).u32(listing.entries().size());
        for (DirectoryEntry entry : listing.entries()) {
          entry.write(out);
        }
        out.bool(listing.atEnd());
      }
      case Extents extents -> {
        extents.attributes().write(out.u8(4));
        Replacement.writeExtents(out, extents.extents());
        out.bool(extents.hasMore());
      }
      case Target target -> {
        target.attributes().write(out.u8(5));
        target.target().write(out);
      }
      case Totals totals -> {
        var statistics = totals.statistics();
        out.u8(6).u64(statistics.fileCount()).u64(statistics.directoryCount());
        out.u64(statistics.sizeBytes()).u64(statistics.allocatedBytes());
        out.u64(statistics.chunkCount());
      }
      case Xattr xattr -> {
        xattr.attributes().write(out.u8(7));
        out.bool(xattr.value().isPresent());
        xattr.value().ifPresent(value -> value.write(out));
      }
      case XattrNames list -> {
        list.attributes().write(out.u8(8));
        out.u32(list.names().size());
        for (XattrName name : list.names()) {
          name.write(out);
        }
      }
      case Lock lock -> {
        out.u8(9).bool(lock.granted().isPresent());
        lock.granted()
            .ifPresent(
                granted -> {
                  granted.client().write(out);
                  granted.lock().write(out);
                });
      }
      case Failed failed -> out.u8(0).u16(failed.code().wire()).text(failed.text());
    }
  }

  /** As {@link #write}, into an array of its own. */
  default byte[] toBytes() {
    var out = new ByteWriter(256);
    write(out);
    return out.toBytes();
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is no answer
   */
  static Answer read(ByteReader in) {
    return Checks.decoding(
        () -> {
          int tag = in.u8();
          return switch (tag) {
            case 0 ->
                new Failed(ErrorCode.ofWire(in.u16()), in.text(OperationResult.TEXT_MAX_BYTES));
            case 1 -> new Entry(DirectoryEntry.read(in));
            case 2 -> new Inode(Attributes.read(in));
            case 3 -> readListing(in);
            case 4 -> new Extents(Attributes.read(in), Replacement.readExtents(in), in.bool());
            case 5 -> new Target(Attributes.read(in), SealedTarget.read(in));
            case 6 -> new Totals(new Statistics(in.u64(), in.u64(), in.u64(), in.u64(), in.u64()));
            case 7 ->
                new Xattr(
                    Attributes.read(in),
                    in.bool() ? Optional.of(XattrValue.read(in)) : Optional.empty());
            case 8 -> readXattrNames(in);
            case 9 -> readLock(in);
            default ->
                throw new ByteReader.Malformed("read answer: expected=tag 0 to 9, was=" + tag);
          };
        });
  }

  private static Answer readXattrNames(ByteReader in) {
    var attributes = Attributes.read(in);
    int count = in.count(Attributes.XATTR_COUNT_MAX);
    var names = new ArrayList<XattrName>();
    for (int i = 0; i < count; i++) {
      names.add(XattrName.read(in));
    }
    return new XattrNames(attributes, names);
  }

  private static Answer readLock(ByteReader in) {
    boolean isGranted = in.bool();
    return new Lock(
        isGranted
            ? Optional.of(new Lock.Granted(ClientId.read(in), FileLock.read(in)))
            : Optional.empty());
  }

  private static Answer readListing(ByteReader in) {
    var directory = Attributes.read(in);
    long parentInode = in.u64();
    int count = in.count(Query.ENTRIES_MAX);
    var entries = new ArrayList<DirectoryEntry>(count);
    for (int i = 0; i < count; i++) {
      entries.add(DirectoryEntry.read(in));
    }
    return new Listing(directory, parentInode, entries, in.bool());
  }
}
