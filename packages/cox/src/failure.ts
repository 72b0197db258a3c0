// What a person reads when a command cannot do what it was asked: one line on stderr, exit code 1.
import { StatusError } from "@coxswain/apimachinery";
import { ClientError } from "@coxswain/client";

/** The command line itself is wrong, or names something that does not exist. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** One line in kubectl's words. */
export function describeFailure(error: unknown): string {
  if (error instanceof StatusError) {
    const { status } = error;
    const reason = status.reason ? ` (${status.reason})` : "";
    return `Error from server${reason}: ${oneLine(status.message ?? "the server gave no reason")}`;
  }
  if (error instanceof ClientError || error instanceof CommandError) return `error: ${oneLine(error.message)}`;
  return `error: ${error instanceof Error ? oneLine(error.message) : String(error)}`;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ");
}
