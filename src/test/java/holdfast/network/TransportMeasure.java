package holdfast.network;

import holdfast.port.Body;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;

/**
 * Measures one client and one peer over loopback in one process: bodies of 4 MiB put, and small
 * requests one after the other. Run its main method; docs/benchmarks.md says how to read it.
 */
final class TransportMeasure {
  private static final int PUTS = 256;
  private static final int UNDER_WAY = 4;
  private static final int ROUND_TRIPS = 5_000;
  private static final int ROUNDS = 5;

  private TransportMeasure() {}

  public static void main(String[] args) throws Exception {
    var pool = new TestPool(1);
    try (var client = TestNode.client(pool, 0, NetworkLimits.standard());
        var peer = TestNode.peer(pool, 1, NetworkLimits.standard())) {
      peer.listening(client);
      peer.answerer =
          (from, request, body, responder) -> {
            if (body == null) {
              responder.reply(new Reply.Done(), null);
            } else {
              NodeTransportTest.storeOrServe(from, request, body, responder);
            }
          };
      byte[] chunk = NodeTransportTest.chunk(1);
      var put = new Request.PutChunk(NodeTransportTest.idOf(chunk), 1, false);
      var rates = new ArrayList<Long>();
      var latencies = new ArrayList<Long>();
      for (int round = 0; round < ROUNDS; round++) {
        rates.add(puts(client, peer, put, chunk));
        latencies.add(roundTrips(client, peer));
      }
      System.out.println("put MB/s " + rates);
      System.out.println("median round trip us " + latencies);
    }
  }

  private static long puts(TestNode client, TestNode peer, Request put, byte[] chunk)
      throws Exception {
    long startNs = System.nanoTime();
    var underWay = new ArrayDeque<CompletableFuture<?>>();
    for (int i = 0; i < PUTS; i++) {
      underWay.add(client.ask(peer, put, Body.whole(chunk)));
      if (underWay.size() >= UNDER_WAY) {
        underWay.remove().get();
      }
    }
    for (var left : underWay) {
      left.get();
    }
    return 1_000L * PUTS * chunk.length / (System.nanoTime() - startNs);
  }

  private static long roundTrips(TestNode client, TestNode peer) throws Exception {
    long[] tookNs = new long[ROUND_TRIPS];
    for (int i = 0; i < ROUND_TRIPS; i++) {
      long startNs = System.nanoTime();
      client.ask(peer, new Request.GetSpace(), null).get();
      tookNs[i] = System.nanoTime() - startNs;
    }
    Arrays.sort(tookNs);
    return tookNs[ROUND_TRIPS / 2] / 1_000;
  }
}
