// The shape of one command: words for people, flags, and one function. Printing, parsing and finding are elsewhere.
import type { Args, Flags } from "./args/flags.ts";
import type { Session } from "./session.ts";

export interface Command {
  /** Behind the program's name: "get [TYPE] [NAME]". */
  readonly usage: string;
  readonly summary: string;
  readonly description?: string;
  /** Lines as they are shown; "# …" says what the next does. */
  readonly examples?: string;
  readonly flags: Flags;
  readonly subcommands?: Readonly<Record<string, CommandEntry>>;
  /** Missing for a command that only has subcommands. */
  readonly run?: (session: Session, args: Args) => Promise<void>;
}

/** A command that is loaded when it is called. */
export interface CommandEntry {
  readonly summary: string;
  readonly aliases?: readonly string[];
  readonly hidden?: boolean;
  readonly load: () => Promise<Command>;
}
