// What is said to whoever asks for a state that is not there yet.
import { StatusError, statuses } from "@coxswain/apimachinery";

/** 504: the client has seen a later state than this server or its store. */
export function tooLargeVersion(wanted: number, current: number): StatusError {
  return new StatusError({
    ...statuses.timeout(`Too large resource version: ${wanted}, current: ${current}`, 1),
    details: {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    },
  });
}
