// Notices that the other side of a connection has gone without a word: a machine without power, a cut cable. Who waits for an answer hears
// nothing, and TCP itself would tell after a quarter of an hour. Two ways, because pings are not free (etcd ends connections whose clients
// ping more often than every five seconds with nothing else going on):
//
//   slowly    every `pingIntervalMs` while streams are open; one that is unanswered at the next ends the connection
//   quickly   while something asked has no answer and not a byte arrives: a ping after one beat of silence, the end six beats later
//
// It counts beats of the event loop, not time: a process that was itself held up reads what has arrived before it judges.
import type { Timers } from "../grpc/timers.ts";

export interface Liveness {
  /** A call waits for its answer from here on, ... */
  begin(): void;
  /** ... and no longer. */
  end(): void;
  /** Something was sent on a stream whose other side will answer it. */
  asked(): void;
}

const beatMs = 500;
const beatsUntilPing = 2;
const beatsUntilCut = 6;
/** etcd counts pings that come faster than its `--grpc-keepalive-min-time`, five seconds, as an attack. */
const beatsBetweenPings = 12;

/** What is needed of a connection. */
export interface Watched {
  readonly socket: { readonly destroyed: boolean; on(event: "close", listener: () => void): unknown };
  readonly streams: { readonly size: number };
  /** Pieces that have arrived. */
  readonly chunksRead: number;
  /** Resolves when it is answered. */
  ping(): Promise<unknown>;
  destroy(error: Error): void;
}

export interface LivenessOptions {
  readonly pingIntervalMs: number;
  /** There is another endpoint to go to: silence is looked into at once. */
  readonly quick: boolean;
}

export function watchLiveness(connection: Watched, options: LivenessOptions, timers: Timers): Liveness {
  const { socket } = connection;
  let waiting = 0;
  let expecting = false;
  let heard = connection.chunksRead;
  let silent = 0;
  let sincePing = beatsBetweenPings;
  let unanswered = false;
  /** What had been read when the last ping was answered. */
  let heardWithAnswer = 0;
  let beating: { cancel(): void } | undefined;

  const ping = (): void => {
    unanswered = true;
    sincePing = 0;
    void connection.ping().then(() => {
      unanswered = false;
      heardWithAnswer = connection.chunksRead;
    });
  };
  // A server that has answered something since the last ping does not mind another.
  const mayPing = (): boolean =>
    !unanswered && (sincePing >= beatsBetweenPings || connection.chunksRead > heardWithAnswer);
  const cut = (): void => connection.destroy(new Error("the other side has not answered a ping"));
  const beat = (): void => {
    beating = undefined;
    if (socket.destroyed) return;
    sincePing++;
    if (connection.chunksRead === heard) silent++;
    else {
      heard = connection.chunksRead;
      silent = 0;
      expecting = false;
    }
    if (unanswered && silent >= beatsUntilCut && sincePing >= beatsUntilCut) return cut();
    if (waiting === 0 && !expecting && !unanswered) return;
    if (silent >= beatsUntilPing && mayPing()) ping();
    beating = timers.setTimeout(beat, beatMs);
  };
  const rouse = (): void => {
    if (!options.quick || beating !== undefined || socket.destroyed) return;
    heard = connection.chunksRead;
    silent = 0;
    if (!unanswered) sincePing = beatsBetweenPings;
    beating = timers.setTimeout(beat, beatMs);
  };

  let late = false;
  const slowly = (): void => {
    if (socket.destroyed) return;
    if (unanswered && !options.quick) {
      if (late) return cut();
      late = true;
      slow = timers.setTimeout(slowly, beatMs);
      return;
    }
    late = false;
    if (connection.streams.size > 0 && !unanswered) {
      ping();
      rouse();
    }
    slow = timers.setTimeout(slowly, options.pingIntervalMs);
  };
  let slow = timers.setTimeout(slowly, options.pingIntervalMs);
  socket.on("close", () => {
    slow.cancel();
    beating?.cancel();
  });

  return {
    begin() {
      waiting++;
      rouse();
    },
    end() {
      waiting--;
    },
    asked() {
      expecting = true;
      rouse();
    },
  };
}
