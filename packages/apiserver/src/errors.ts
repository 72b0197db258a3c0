// Failures of the world as answers: the one translation from what is thrown to a Status. Everything that is not known here
// is a bug, and is counted as one.
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { Status } from "@coxswain/apimachinery";
import { StorageError } from "./core/storage.ts";

/** The Status of a thrown value; `isBug` when nobody expected it. */
export function statusOf(error: unknown): { readonly status: Status; readonly isBug: boolean } {
  if (error instanceof StatusError) return { status: error.status, isBug: false };
  // What was nested deeply on the way, such as the result of a patch.
  if (error instanceof RangeError && error.message.includes("call stack"))
    return { status: statuses.badRequest("exceeded max depth"), isBug: false };
  if (error instanceof StorageError) return { status: storageStatus(error), isBug: error.code === "internal" };
  return { status: statuses.internalError(error instanceof Error ? error.message : String(error)), isBug: true };
}

function storageStatus(error: StorageError): Status {
  switch (error.code) {
    case "compacted":
      return statuses.expired(error.message);
    case "future-revision":
      return statuses.timeout(error.message, 1);
    case "too-large":
      return statuses.requestEntityTooLarge(error.message);
    case "no-space":
      return { ...statuses.internalError(error.message) };
    case "unavailable":
      return { ...statuses.timeout(`the store does not answer: ${error.message}`, 1) };
    case "internal":
      return statuses.internalError(error.message);
  }
}
