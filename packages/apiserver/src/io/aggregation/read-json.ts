// Asks another server for one document. It does not judge what it is told, beyond that it is JSON and not too long.
import { request as httpsRequest } from "node:https";
import type { Clock } from "@coxswain/clock";
import { tlsOptions } from "../node-tunnel/forward.ts";
import type { Target } from "../node-tunnel/forward.ts";

export interface ReadOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly longestBytes: number;
  /** Of what is known already: the answer is "unchanged" while it holds. */
  readonly etag?: string | undefined;
}

export interface JsonAnswer {
  readonly value: unknown;
  readonly etag: string | undefined;
}

/** Rejects for anything but an answer of the 200s that is JSON. */
export async function readJson(target: Target, options: ReadOptions): Promise<unknown> {
  const answer = await readTagged(target, options);
  return answer === "unchanged" ? undefined : answer.value;
}

/** The answer with its tag. Rejects as `readJson` does. */
export function readTagged(target: Target, options: ReadOptions): Promise<JsonAnswer | "unchanged"> {
  const { signal, clock, timeoutMs, longestBytes, etag } = options;
  const aborter = new AbortController();
  const timer = clock.setTimeout(() => aborter.abort(new Error("the server did not answer in time")), timeoutMs);
  return new Promise<JsonAnswer | "unchanged">((resolve, reject) => {
    const outgoing = httpsRequest(
      {
        host: target.host,
        port: target.port,
        path: target.path,
        headers: {
          ...target.headers,
          accept: "application/json",
          ...(etag !== undefined && { "if-none-match": etag }),
        },
        agent: false,
        signal: AbortSignal.any([signal, aborter.signal]),
        ...tlsOptions(target),
      },
      (answer) => {
        const pieces: Buffer[] = [];
        let bytes = 0;
        answer.on("data", (piece: Buffer) => {
          pieces.push(piece);
          bytes += piece.length;
          if (bytes > longestBytes) answer.destroy(new Error("the answer is too long"));
        });
        answer.on("error", reject);
        answer.on("end", () => {
          const status = answer.statusCode ?? 0;
          if (status === 304 && etag !== undefined) return resolve("unchanged");
          if (status < 200 || status > 299) return reject(new Error(`bad status from the server: ${status}`));
          try {
            resolve({ value: JSON.parse(Buffer.concat(pieces).toString()), etag: answer.headers.etag });
          } catch (cause) {
            reject(new Error("the answer is no JSON", { cause }));
          }
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end();
  }).finally(() => timer.cancel());
}
