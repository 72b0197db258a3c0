// What the agent gets when a client has connected to a container: streams of bytes, sizes of a terminal, and a place for the result.
// Which protocol carries them is not seen here.
import type { Readable, Writable } from "node:stream";

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** Which streams the request asks for; a terminal has no stderr of its own. */
export interface WantedStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export interface CommandSession {
  /** Ends when the client closes its input. */
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  readonly resize: AsyncIterable<TerminalSize>;
  /** Sends the result and closes everything once it is out. The last call of a session; call it after the output has been written. */
  exit(result: CommandResult): Promise<void>;
  /** Aborted when the client has gone, or after `exit`. */
  readonly closed: AbortSignal;
}

export type CommandResult =
  { readonly kind: "exited"; readonly code: number } | { readonly kind: "failed"; readonly message: string };

/** The Status that a client reads its exit code from. */
export function statusOf(result: CommandResult): string {
  if (result.kind === "failed") {
    return JSON.stringify({
      metadata: {},
      status: "Failure",
      message: `Internal error occurred: ${result.message}`,
      reason: "InternalError",
      details: { causes: [{ message: result.message }] },
      code: 500,
    });
  }
  if (result.code === 0) return JSON.stringify({ metadata: {}, status: "Success" });
  return JSON.stringify({
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: exit status ${result.code}`,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(result.code) }] },
  });
}

/** The same for versions that have no Status: a sentence, or nothing. */
export function plainResult(result: CommandResult): string {
  if (result.kind === "failed") return `Internal error occurred: ${result.message}`;
  return result.code === 0 ? "" : `command terminated with non-zero exit code: exit status ${result.code}`;
}

/** The terminal's size from a resize message; undefined for anything else. */
export function parseSize(text: string): TerminalSize | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("Width" in value) || !("Height" in value)) return undefined;
    const { Width: width, Height: height } = value;
    return typeof width === "number" && typeof height === "number" ? { width, height } : undefined;
  } catch {
    // Not JSON: nobody's size.
    return undefined;
  }
}
