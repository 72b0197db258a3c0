// How long a silent server is waited for. Apart from http2.ts, so that a client that has asked nothing yet has not loaded HTTP either.

/** How long a connection may be silent, and then leave a ping without an answer. */
export interface Patience {
  readonly quietMs: number;
  readonly pingTimeoutMs: number;
}

export const withoutChoice: Patience = { quietMs: 30_000, pingTimeoutMs: 15_000 };
export const withOthers: Patience = { quietMs: 2000, pingTimeoutMs: 2000 };

/** The other side has not refused and not hung up: it says nothing any more, and would not answer a second time either. */
export class SilentServer extends Error {
  override readonly name = "SilentServer";
}
