// The agent's own refusals, by code. What the runtime refuses is a RuntimeError, what the API refuses a StatusError.

export type AgentErrorCode =
  /** A volume cannot be set up; the message is shown in the pod's events. */
  | "volume"
  /** A container's configuration cannot be made (a missing ConfigMap, a root image under runAsNonRoot). */
  | "container-config"
  /** The pod network cannot do it (no CIDR, no address free, the tool failed). */
  | "network"
  /** The cluster gives the agent no certificate. */
  | "certificate"
  /** A manifest that was handed in cannot be used. */
  | "manifest"
  /** A tool of the machine failed. */
  | "tool";

export class AgentError extends Error {
  readonly code: AgentErrorCode;

  constructor(code: AgentErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "AgentError";
    this.code = code;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
