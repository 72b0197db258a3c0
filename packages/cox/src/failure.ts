// What a person reads when a command cannot do what it was asked, in kubectl's words, and the exit code.
import { StatusError } from "@coxswain/apimachinery";
import { ClientError } from "@coxswain/client";

/** The command line itself is wrong, or names something that does not exist. */
export class CommandError extends Error {
  override readonly name: string = "CommandError";
  readonly exitCode: number = 1;
}

/** Ends the command with a code; what there was to say has been said. */
export class ExitError extends CommandError {
  override readonly name = "ExitError";
  override readonly exitCode: number;
  constructor(exitCode: number, message = "") {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A refusal of the server while a file was being worked on: "Error from server (X): error when creating "file": …". */
export class SourceError extends CommandError {
  override readonly name = "SourceError";
  readonly doing: string;
  constructor(doing: string, cause: unknown) {
    super(doing, { cause });
    this.doing = doing;
  }
}

/** Throws what was collected: one error as it is, several together. */
export function throwAll(errors: readonly unknown[]): void {
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors);
}

export function exitCodeOf(error: unknown): number {
  return error instanceof CommandError ? error.exitCode : 1;
}

/** Text for stderr without its last line end; empty when nothing is left to say. */
export function describeFailure(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(describeFailure))].join("\n");
  if (error instanceof ExitError) return error.message;
  if (error instanceof SourceError) return describeWith(error.cause, error.doing);
  return describeWith(error, "");
}

function describeWith(error: unknown, doing: string): string {
  const before = doing === "" ? "" : `${doing}: `;
  if (error instanceof StatusError) return describeStatus(error, before);
  if (error instanceof ClientError) return describeConnection(error);
  const message = error instanceof Error ? error.message : String(error);
  return /^([Ee]rror:|Error from server|Unable to connect)/.test(message) ? message : `error: ${before}${message}`;
}

function describeStatus(error: StatusError, before: string): string {
  const { status } = error;
  const message = status.message ?? "the server gave no reason";
  if (status.reason === "Unauthorized") return `error: You must be logged in to the server (${message})`;
  if (status.reason === "Invalid") return describeInvalid(error);
  return status.reason
    ? `Error from server (${status.reason}): ${before}${message}`
    : `Error from server: ${before}${message}`;
}

/** One cause on the line, several in a list below it. */
function describeInvalid({ status }: StatusError): string {
  const { details } = status;
  const named = details?.kind || details?.name;
  const subject = named ? `The ${details?.kind ?? ""} "${details?.name ?? ""}" is invalid` : "The request is invalid";
  const causes = [
    ...new Set(
      (details?.causes ?? []).map((cause) =>
        cause.field ? `${cause.field}: ${cause.message}` : (cause.message ?? ""),
      ),
    ),
  ];
  if (causes.length === 0) return named ? subject : `${subject}: ${status.message ?? ""}`;
  if (causes.length === 1) return `${subject}: ${causes[0]}`;
  return `${subject}: \n${causes.map((cause) => `* ${cause}\n`).join("")}`.trimEnd();
}

function describeConnection(error: ClientError): string {
  const { code, message } = error;
  const refused = /^cannot reach (?:https?:\/\/)?(\S+): ECONNREFUSED/.exec(message);
  if (refused)
    return `The connection to the server ${refused[1]} was refused - did you specify the right host or port?`;
  const unreachable = /^cannot reach (?:https?:\/\/)?(\S+): (.*)$/.exec(message);
  if (unreachable)
    return `Unable to connect to the server: ${unreachable[1]}: ${reasons[unreachable[2] ?? ""] ?? unreachable[2]}`;
  if (code === "tls-failed")
    return `Unable to connect to the server: ${message}${nextSteps.find(([said]) => said.test(message))?.[1] ?? ""}`;
  if (code === "connection-failed" || code === "connection-lost") return `Unable to connect to the server: ${message}`;
  return `error: ${message}`;
}

/** What to do about a server that is not trusted. */
const nextSteps: readonly (readonly [RegExp, string])[] = [
  [/has expired/, " - the server's own certificate: `cox certs renew` on that machine, if it is one of ours"],
  [
    /Hostname\/IP does not match/,
    " - is the address in the kubeconfig right? --tls-server-name takes one of these names instead",
  ],
  [/self-signed|unable to|issuer/i, " - is the certificate authority in the kubeconfig that of this cluster?"],
];

const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: "no such host; is the name in the kubeconfig right?",
  EAI_AGAIN: "the name cannot be looked up now; is the network there?",
  ETIMEDOUT: "no answer in time; is a firewall between?",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
};
