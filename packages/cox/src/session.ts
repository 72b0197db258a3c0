// What every command works with: the cluster (asked for only when needed), the namespace in force, where to write. Made once per run.
import type { Clock, Random } from "@coxswain/clock";
import type { Client, ClientConfig } from "@coxswain/client";
import type { Mapper } from "./resource/mapper.ts";

/** Where text goes; a terminal has a width and a height. */
export interface Output {
  write(text: string | Uint8Array): void;
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly rows: number;
  /** Resolves when little is left to be written: for streams that are faster than their reader. */
  drained(): Promise<void>;
  /** Calls `changed` whenever the terminal has another size, until what it answers is called. */
  onResize(changed: () => void): () => void;
}

export interface Input {
  readonly isTerminal: boolean;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Hands keys over one by one and unseen; false gives the terminal back. */
  setRaw(raw: boolean): void;
}

/** The machine around the command line: what main.ts gives and tests replace. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly out: Output;
  readonly err: Output;
  readonly input: Input;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Session extends Host {
  /** "cox", or the name it was called by. */
  readonly client: Client;
  /** What the client was made of: servers, certificates. */
  clientConfig(): ClientConfig;
  /** The namespace of `-n`, or the kubeconfig's. */
  readonly namespace: string;
  /** True when `-n` was given: objects that name another namespace are refused. */
  readonly namespaceGiven: boolean;
  /** The kubeconfig paths in force. */
  readonly kubeconfigPath: string;
  /** What the server offers, remembered between runs. */
  mapper(): Promise<Mapper>;
  /** All of standard input, once. */
  readStdin(): Promise<string>;
}

/** Options that the commands of yargs take. */
export interface CommonOptions {
  readonly kubeconfig?: string | undefined;
  readonly namespace?: string | undefined;
}

/** Runs a command's work with a session and closes it. */
export type WithSession = (options: CommonOptions, work: (session: Session) => Promise<void>) => Promise<void>;
