// Chooses the endpoint, and moves on when one fails. A request goes to a second endpoint only when the first cannot have
// seen it, or when it only reads: a write whose fate is unknown is reported, never repeated.
//
// The first endpoint is home (an apiserver's is the store of its own machine): away from it, it is asked every few seconds whether it can
// serve again. One that could not be reached is passed over until it answers that question, so that nobody waits for a dead machine twice.
import { GrpcError, statusCodes } from "../grpc/status.ts";
import type { Timers } from "../grpc/timers.ts";
import { TransportError } from "./channel.ts";
import type { CallOptions, Channel, ClientStream, TakeMessage } from "./channel.ts";

export interface Balancer {
  unary(
    path: string,
    framed: Buffer,
    reads: boolean,
    options: CallOptions & { readonly endpoint?: string | undefined },
  ): Promise<Buffer>;
  /** Opens a stream on the current endpoint, or the next that accepts connections. */
  stream(
    path: string,
    options: CallOptions & { readonly endpoint?: string | undefined },
    take?: TakeMessage,
  ): Promise<ClientStream>;
  /** A stream of this endpoint broke off. */
  failed(endpoint: string, error: unknown): void;
  close(): void;
}

export interface BalancerPorts {
  readonly timers: Timers;
  /** A small call that only a member which can serve answers. */
  readonly probe: (channel: Channel) => Promise<unknown>;
}

const probeIntervalMs = 5000;

export function createBalancer(channels: readonly Channel[], { timers, probe }: BalancerPorts): Balancer {
  let preferred = 0;
  /** Could not be reached, and have not answered since. */
  const unreachable = new Set<number>();
  let probing: { cancel(): void } | undefined;
  let closed = false;

  /** The one after `index` that may be worth a call; round the ring, those that could not be reached last. */
  const after = (index: number): number => {
    const ring = channels.map((_, step) => (index + 1 + step) % channels.length);
    return ring.find((candidate) => !unreachable.has(candidate)) ?? ring[0] ?? 0;
  };
  const probeAll = async (): Promise<void> => {
    const asked = channels.map((_, index) => index).filter((index) => index === 0 || unreachable.has(index));
    await Promise.all(
      asked.map(async (index) => {
        if (await serves(probe(channels[index] as Channel))) {
          unreachable.delete(index);
          if (index === 0) preferred = 0;
        }
      }),
    );
    probing = undefined;
    probeSoon();
  };
  const probeSoon = (): void => {
    if (closed || probing !== undefined || (preferred === 0 && unreachable.size === 0)) return;
    probing = timers.setTimeout(() => void probeAll(), probeIntervalMs);
  };
  const note = (index: number, error: unknown): void => {
    if (!isUnavailable(error) || channels.length < 2) return;
    if (error instanceof TransportError) unreachable.add(index);
    if (preferred === index) preferred = after(index);
    probeSoon();
  };
  const attempt = async <T>(
    endpoint: string | undefined,
    call: (channel: Channel) => Promise<T>,
    again: (error: unknown) => boolean,
  ): Promise<T> => {
    const pinned = endpoint === undefined ? undefined : channels.find((channel) => channel.endpoint === endpoint);
    if (endpoint !== undefined && pinned === undefined)
      throw new GrpcError(statusCodes.unavailable, `endpoint ${endpoint} is not among the client's`);
    if (pinned !== undefined) return await call(pinned);
    const tried = new Set<number>();
    for (;;) {
      const index = preferred;
      tried.add(index);
      try {
        return await call(channels[index] as Channel);
      } catch (error) {
        note(index, error);
        if (tried.has(preferred) || !again(error)) throw error;
      }
    }
  };
  return {
    unary: (path, framed, reads, options) =>
      attempt(
        options.endpoint,
        (channel) => channel.unary(path, framed, options),
        (error) =>
          options.signal?.aborted !== true &&
          ((error instanceof TransportError && !error.sent) || (reads && isUnavailable(error))),
      ),
    stream: (path, options, take) =>
      attempt(
        options.endpoint,
        (channel) => channel.stream(path, options, take),
        (error) => options.signal?.aborted !== true && isUnavailable(error),
      ),
    failed(endpoint, error) {
      const index = channels.findIndex((channel) => channel.endpoint === endpoint);
      if (index < 0) return;
      note(index, error);
      // Whatever it was: elsewhere it may go better.
      if (preferred === index) preferred = after(index);
      probeSoon();
    },
    close() {
      closed = true;
      probing?.cancel();
      for (const channel of channels) channel.close();
    },
  };
}

function isUnavailable(error: unknown): boolean {
  return error instanceof GrpcError && error.code === statusCodes.unavailable;
}

/** One that refuses (no permission, say) is there as well. */
async function serves(asked: Promise<unknown>): Promise<boolean> {
  try {
    await asked;
    return true;
  } catch (error) {
    if (!(error instanceof GrpcError)) throw error;
    return error.code !== statusCodes.unavailable && error.code !== statusCodes.deadlineExceeded;
  }
}
