package holdfast.network.discovery;

import holdfast.model.InstanceId;
import holdfast.model.NodeId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.Arrays;
import java.util.Objects;

/**
 * The content of a discovery datagram, inside its Fernet token, and its codec: the tables of
 * docs/discovery.md. Immutable values and their codec; pure.
 */
sealed interface Datagram {
  /** Version of this layout: lowest and highest spoken. */
  int VERSION = 1;

  /** Smallest REQUEST on the wire, so that no answer is larger than what caused it. */
  int REQUEST_MIN_BYTES = 800;

  /** Largest datagram sent or read. */
  int MAX_BYTES = 1_400;

  /** Longest public key in an answer, DER. */
  int PUBLIC_KEY_MAX_BYTES = 600;

  /** Plaintext of a REQUEST: 740 bytes make a token of 809. */
  int REQUEST_PLAIN_BYTES = 740;

  /** Type number of {@link Request}. */
  int TYPE_REQUEST = 1;

  /** Type number of {@link Answer}. */
  int TYPE_ANSWER = 2;

  /** Type number of {@link Announce}. */
  int TYPE_ANNOUNCE = 3;

  /** What all have in common. */
  Header header();

  /**
   * Freshness and origin.
   *
   * @param counter how many datagrams this instance sent before
   */
  record Header(Nonce nonce, InstanceId instance, long counter, int versionMin, int versionMax) {
    /** Encoded size in bytes. */
    static final int BYTES = Nonce.BYTES + InstanceId.BYTES + 8 + 2;

    /** Checks that the versions are one byte each. */
    public Header {
      Objects.checkIndex(versionMin, 256);
      Objects.checkIndex(versionMax, 256);
    }
  }

  /** A client looks for peers with this much room. */
  record Request(Header header, long spaceNeededBytes) implements Datagram {}

  /** A peer with room answers a request: its port, its free space and its RSA public key. */
  record Answer(Header header, Nonce request, int port, long freeBytes, PublicKey key)
      implements Datagram {}

  /** A peer says that it is there. */
  record Announce(Header header, NodeId node, int port, long freeBytes) implements Datagram {}

  /** A public key in DER (SubjectPublicKeyInfo), compared by its bytes. */
  record PublicKey(byte[] der) {
    @Override
    public boolean equals(Object other) {
      return other instanceof PublicKey key && Arrays.equals(der, key.der);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(der);
    }
  }

  /** The plaintext of the datagram. */
  default byte[] encode() {
    var out = new ByteWriter(REQUEST_PLAIN_BYTES);
    switch (this) {
      case Request request -> {
        writeHeader(out, TYPE_REQUEST);
        out.u64(request.spaceNeededBytes);
        out.raw(new byte[REQUEST_PLAIN_BYTES - out.sizeBytes()]);
      }
      case Answer answer -> {
        writeHeader(out, TYPE_ANSWER);
        answer.request.write(out);
        out.u16(answer.port).u64(answer.freeBytes).v(answer.key.der);
      }
      case Announce announce -> {
        writeHeader(out, TYPE_ANNOUNCE);
        announce.node.write(out);
        out.u16(announce.port).u64(announce.freeBytes);
      }
    }
    return out.toBytes();
  }

  private void writeHeader(ByteWriter out, int type) {
    Header header = header();
    out.u8(type);
    header.nonce.write(out);
    header.instance.write(out);
    out.u64(header.counter).u8(header.versionMin).u8(header.versionMax);
  }

  /**
   * Reads a plaintext.
   *
   * @throws ByteReader.Malformed when it is not exactly one of the three
   */
  static Datagram decode(byte[] plain) {
    var in = new ByteReader(plain);
    int type = in.u8();
    var header = new Header(Nonce.read(in), InstanceId.read(in), in.u64(), in.u8(), in.u8());
    if (header.versionMin > VERSION || header.versionMax < VERSION) {
      throw new ByteReader.Malformed(
          "read datagram: expected=version 1, was=" + header.versionMin + "-" + header.versionMax);
    }
    Datagram datagram =
        switch (type) {
          case TYPE_REQUEST -> readRequest(in, header, plain.length);
          case TYPE_ANSWER ->
              new Answer(
                  header,
                  Nonce.read(in),
                  port(in),
                  space(in),
                  new PublicKey(in.v(PUBLIC_KEY_MAX_BYTES)));
          case TYPE_ANNOUNCE -> new Announce(header, NodeId.read(in), port(in), space(in));
          default ->
              throw new ByteReader.Malformed("read datagram: expected=type 1 to 3, was=" + type);
        };
    in.end();
    return datagram;
  }

  private static Request readRequest(ByteReader in, Header header, int plainBytes) {
    var request = new Request(header, space(in));
    if (plainBytes < REQUEST_PLAIN_BYTES) {
      throw new ByteReader.Malformed(
          "read request: expected=padded to " + REQUEST_PLAIN_BYTES + ", was=" + plainBytes);
    }
    for (byte padding : in.raw(in.remaining())) {
      if (padding != 0) {
        throw new ByteReader.Malformed("read request: expected=zero padding, was=" + padding);
      }
    }
    return request;
  }

  private static int port(ByteReader in) {
    int port = in.u16();
    if (port == 0) {
      throw new ByteReader.Malformed("read port: expected=1 to 65535, was=0");
    }
    return port;
  }

  private static long space(ByteReader in) {
    long bytes = in.u64();
    if (bytes < 0) {
      throw new ByteReader.Malformed("read space: expected=0 or more, was=" + bytes);
    }
    return bytes;
  }
}
