// Every way in which the runtime refuses, in one union. Outcomes that callers expect (nothing there) are not errors.

export type RuntimeErrorCode =
  /** The container or sandbox named in the call does not exist. */
  | "not-found"
  /** The name is taken, or the container is in a state that forbids the call. */
  | "conflict"
  /** The image is not on this machine. */
  | "image-not-found"
  /** The registry refused or could not be reached. */
  | "pull-failed"
  /** The container's process could not be started (bad command, bad mount, bad user). */
  | "start-failed"
  /** The runtime itself cannot be reached. */
  | "unavailable"
  /** Anything else that the runtime said no to. */
  | "failed";

export class RuntimeError extends Error {
  readonly code: RuntimeErrorCode;

  constructor(code: RuntimeErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "RuntimeError";
    this.code = code;
  }
}

export function isRuntimeError(error: unknown, code?: RuntimeErrorCode): error is RuntimeError {
  return error instanceof RuntimeError && (code === undefined || error.code === code);
}
