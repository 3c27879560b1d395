package holdfast.metadata;

import holdfast.metadata.op.Content;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.RequestId;
import holdfast.metadata.op.Tag;
import holdfast.model.ClientId;
import java.util.Optional;
import java.util.Random;

/** A namespace that clients with sessions change. */
final class SharedNamespace {
  final Random random;
  final NamespaceEditor editor;
  private long sequence;

  SharedNamespace(long seed) {
    random = new Random(seed);
    editor = Namespace.empty(3, Samples.sealId(random), 0755, 0, 0, 1).edit();
  }

  /** Another client begins to work. */
  ClientId begin() {
    var client = Samples.client(random);
    editor.beginSession(client);
    return client;
  }

  /** Whose the next operation is, and its number. */
  RequestId next(ClientId client) {
    sequence++;
    return new RequestId(client, sequence, sequence);
  }

  OperationResult apply(ClientId client, Operation operation) {
    return editor.apply(next(client), operation);
  }

  /** Makes something in the root directory; its inode number. */
  long make(ClientId client, int name, FileType type, Optional<Content> content) {
    var create =
        new Operation.Create(
            1,
            Samples.name(name),
            Tag.ZERO,
            Samples.sealId(random),
            type,
            0644,
            0,
            0,
            0,
            Optional.empty(),
            true,
            5,
            content);
    return apply(client, create).orThrow().attributes().inode();
  }
}
