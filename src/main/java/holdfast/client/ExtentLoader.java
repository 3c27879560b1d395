package holdfast.client;

import holdfast.metadata.Answer;
import holdfast.metadata.Attributes;
import holdfast.metadata.Extent;
import holdfast.metadata.Query;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.peer.port.FileService;
import java.util.ArrayList;
import java.util.List;

/** Asks for a file's attributes and all its extents, as of one version. Blocks. */
final class ExtentLoader {
  private static final int TRIES_MAX = 8;

  private final FileService service;
  private final Waits waits;

  ExtentLoader(FileService service, Waits waits) {
    this.service = service;
    this.waits = waits;
  }

  /** Attributes and extents that belong together. */
  record Loaded(Attributes attributes, List<Extent> extents) {}

  Loaded load(long inode, long deadlineNs) {
    for (int i = 0; i < TRIES_MAX; i++) {
      Loaded loaded = tryLoad(inode, deadlineNs);
      if (loaded != null) {
        return loaded;
      }
    }
    throw new HoldfastException(
        ErrorCode.BUSY, "read extents: expected=one version, was=ever new ones, inode=" + inode);
  }

  private Loaded tryLoad(long inode, long deadlineNs) {
    var extents = new ArrayList<Extent>();
    Attributes first = null;
    long fromOffset = 0;
    while (true) {
      var query = new Query.ReadExtents(inode, fromOffset, Query.EXTENTS_MAX);
      FileService.Told told = waits.await(service.ask(query, deadlineNs), deadlineNs);
      if (!(told.answer().orThrow() instanceof Answer.Extents page)) {
        throw new HoldfastException(
            ErrorCode.MALFORMED, "read extents: expected=extents, was=" + told.answer());
      }
      if (first != null && page.attributes().version() != first.version()) {
        return null;
      }
      first = page.attributes();
      for (Extent extent : page.extents()) {
        if (extent.fileOffset() >= fromOffset) {
          extents.add(extent);
        }
      }
      if (!page.hasMore() || page.extents().isEmpty()) {
        return new Loaded(first, List.copyOf(extents));
      }
      fromOffset = extents.get(extents.size() - 1).fileEnd();
    }
  }
}
