// The client's errors. Whatever the API server says is a StatusError of apimachinery; this is for what it could not say.
import { StatusError } from "@coxswain/apimachinery";

export type ClientErrorCode =
  | "kubeconfig-invalid" // the file, or what it refers to, cannot be used
  | "connection-failed" // nothing was sent: no server could be reached
  | "connection-lost" // a request was under way; whether it was carried out is unknown
  | "tls-failed" // the server's certificate, or ours, was refused
  | "response-invalid" // the answer is not what the API promises
  | "upgrade-refused"; // the server would not open a WebSocket

export class ClientError extends Error {
  override readonly name = "ClientError";
  readonly code: ClientErrorCode;
  constructor(code: ClientErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** 429. */
export const isTooManyRequests = (error: unknown): boolean => error instanceof StatusError && error.status.code === 429;
/**
 * The request may or may not have been carried out: look before doing it again, or do it again in a way that cannot count twice.
 * Only a refusal (4xx) and a failure before sending are certain; an answer of 500 and above may have come after the write.
 */
export function isOutcomeUnknown(error: unknown): boolean {
  if (error instanceof StatusError) return error.status.code >= 500;
  return !(error instanceof ClientError && (error.code === "connection-failed" || error.code === "tls-failed"));
}
