// The name servers that the resolver's file names, read again when it changes, and which of them answer. One that has not
// answered twice is passed over, and asked for a sign of life until it gives one. One that leads a question back to us
// is never asked again.
import { readFile, stat } from "node:fs/promises";
import type { Clock, Random } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import { upstreamServers } from "../core/resolv-conf.ts";
import { exchange } from "./exchange.ts";

export interface UpstreamConfig {
  readonly resolvConf: string;
  /** Our own addresses: asking them would be a loop. */
  readonly own: readonly string[];
  /** The port on which others are asked. */
  readonly port: number;
}

export interface UpstreamServer {
  readonly address: string;
  readonly port: number;
  /** Failures since its last answer. */
  failures: number;
  loops: boolean;
}

export interface Servers {
  /** In the order in which they should be asked; empty when there is none. */
  order(signal: AbortSignal): Promise<readonly UpstreamServer[]>;
  report(server: UpstreamServer, answered: boolean, signal: AbortSignal): void;
  /** Whether a question is one of our own that came back; the server that led it here is given up. */
  isOwnQuestion(name: string): boolean;
}

export interface ServersPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly onHealthFailure: (server: string) => void;
}

const rereadMs = 5_000;
const probeMs = 500;
const probeTimeoutMs = 1_000;
const failuresToPassOver = 2;
const hinfo = 13;
const ns = 2;

export function createServers(config: UpstreamConfig, ports: ServersPorts): Servers {
  const { clock, random, log } = ports;
  let known: readonly UpstreamServer[] = [];
  let stamp = "";
  let lookedAt = -Infinity;
  let looking: Promise<void> = Promise.resolve();
  const ownQuestions = new Map<string, UpstreamServer>();

  const sign = async (server: UpstreamServer, name: string, type: number, signal: AbortSignal): Promise<boolean> => {
    const limit = new AbortController();
    const timer = clock.setTimeout(
      () => limit.abort(new DOMException("no answer in time", "TimeoutError")),
      probeTimeoutMs,
    );
    return exchange(server, plainQuestion(name, type, random.int(65_536)), AbortSignal.any([signal, limit.signal]))
      .then(
        () => true,
        () => false,
      )
      .finally(() => timer.cancel());
  };
  const waitForLife = async (server: UpstreamServer, signal: AbortSignal): Promise<void> => {
    while (known.includes(server) && !(await sign(server, "", ns, signal))) {
      ports.onHealthFailure(server.address);
      await clock.sleep(probeMs, signal);
    }
    server.failures = 0;
  };
  const look = async (signal: AbortSignal): Promise<void> => {
    const found = await stat(config.resolvConf).catch(() => undefined);
    const newStamp = found ? `${found.ino} ${found.mtimeMs} ${found.size}` : "";
    if (newStamp === stamp) return;
    const text = found ? await readFile(config.resolvConf, "utf8").catch(() => "") : "";
    stamp = newStamp;
    ownQuestions.clear();
    known = [...new Set(upstreamServers(text, config.own))].map((address) => ({
      address,
      port: config.port,
      failures: 0,
      loops: false,
    }));
    for (const server of known) {
      const name = `${random.suffix(12)}.${random.suffix(12)}`;
      ownQuestions.set(name, server);
      // What it says does not matter: a loop shows by the question's arrival here.
      void sign(server, name, hinfo, signal);
    }
  };

  return {
    async order(signal) {
      if (clock.monotonic() - lookedAt >= rereadMs) {
        lookedAt = clock.monotonic();
        looking = look(signal);
      }
      await looking;
      const sound = known.filter((server) => !server.loops);
      // When all seem dead they are asked all the same.
      const alive = sound.filter((server) => server.failures < failuresToPassOver);
      return alive.length > 0 ? alive : sound;
    },
    report(server, answered, signal) {
      if (answered) server.failures = 0;
      else if (++server.failures === failuresToPassOver) {
        log.warn({ server: server.address }, "a name server does not answer and is passed over");
        waitForLife(server, signal).then(
          () => log.info({ server: server.address }, "a name server answers again"),
          (err: unknown) => (signal.aborted ? undefined : log.error({ err }, "a name server cannot be watched")),
        );
      }
    },
    isOwnQuestion(name) {
      const server = ownQuestions.get(name);
      if (!server) return false;
      if (!server.loops) log.error({ server: server.address }, "a name server leads questions back to this one");
      server.loops = true;
      return true;
    },
  };
}

/** A question without extensions; the name's labels have at most 63 bytes. */
export function plainQuestion(name: string, type: number, id: number): Buffer {
  const labels = name === "" ? [] : name.split(".");
  const head = Buffer.alloc(12);
  head.writeUInt16BE(id, 0);
  head.writeUInt16BE(0x0100, 2);
  head.writeUInt16BE(1, 4);
  return Buffer.concat([
    head,
    ...labels.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, "latin1")),
    Buffer.from([0, type >> 8, type & 0xff, 0, 1]),
  ]);
}
