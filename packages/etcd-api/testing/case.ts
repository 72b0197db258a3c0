// What a case of the conformance suite is, and what it runs against.
import type { EtcdClient } from "../src/index.ts";

export interface Endpoint {
  readonly client: EtcdClient;
  /** Keys of this case begin so. */
  readonly prefix: string;
  /** Ends what the case has left open. */
  readonly signal: AbortSignal;
}

export interface Case {
  /** A sentence with the endpoint as its subject. */
  readonly name: string;
  /** Throws (an AssertionError) when the endpoint does otherwise. */
  readonly run: (endpoint: Endpoint) => Promise<void>;
}
