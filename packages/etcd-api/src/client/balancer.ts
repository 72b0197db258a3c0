// Chooses the endpoint, and moves on when one fails. A request goes to a second endpoint only when the first cannot have
// seen it, or when it only reads: a write whose fate is unknown is reported, never repeated.
import { GrpcError, statusCodes } from "../grpc/status.ts";
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
  /** The current endpoint did badly: prefer the next one from now on. */
  moveOn(): void;
  close(): void;
}

export function createBalancer(channels: readonly Channel[]): Balancer {
  let preferred = 0;
  const attempt = async <T>(
    endpoint: string | undefined,
    call: (channel: Channel) => Promise<T>,
    again: (error: unknown) => boolean,
  ): Promise<T> => {
    const pinned = endpoint === undefined ? undefined : channels.find((channel) => channel.endpoint === endpoint);
    if (endpoint !== undefined && pinned === undefined)
      throw new GrpcError(statusCodes.unavailable, `endpoint ${endpoint} is not among the client's`);
    if (pinned !== undefined) return await call(pinned);
    for (let tried = 1; ; tried++) {
      const index = preferred;
      try {
        return await call(channels[index] as Channel);
      } catch (error) {
        if (isUnavailable(error) && preferred === index) preferred = (index + 1) % channels.length;
        if (tried >= channels.length || !again(error)) throw error;
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
    moveOn: () => {
      preferred = (preferred + 1) % channels.length;
    },
    close: () => {
      for (const channel of channels) channel.close();
    },
  };
}

function isUnavailable(error: unknown): boolean {
  return error instanceof GrpcError && error.code === statusCodes.unavailable;
}
