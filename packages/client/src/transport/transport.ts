// What the client needs of HTTP: one exchange at a time, over connections it does not see. Two versions: http1.ts, http2.ts.
export interface Exchange {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Pull-based: what is not read is not asked for from the network. Leaving the loop cancels the exchange. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface OutgoingRequest {
  readonly method: string;
  /** Path with query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface Transport {
  /**
   * Resolves when the answer's head is there. Rejects with a ClientError: connection-failed and tls-failed mean that
   * nothing was sent, connection-lost that it may have been carried out. An aborted signal rejects with its reason.
   */
  send(request: OutgoingRequest): Promise<Exchange>;
  close(): void;
}
