// What every command works with: a client, the namespace in force, and where to write. Made once per run.
import type { Client } from "@coxswain/client";

export interface Session {
  readonly client: Client;
  /** The namespace of `-n`, or the kubeconfig's. */
  readonly namespace: string;
  readonly out: { write(text: string | Uint8Array): void };
  readonly signal: AbortSignal;
}

/** Options that every command takes. */
export interface CommonOptions {
  readonly kubeconfig?: string | undefined;
  readonly namespace?: string | undefined;
}

/** Runs a command's work with a session and closes it. */
export type WithSession = (options: CommonOptions, work: (session: Session) => Promise<void>) => Promise<void>;
