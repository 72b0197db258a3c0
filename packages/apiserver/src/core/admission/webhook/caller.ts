// How admission and conversion reach a webhook: a port, so that what they decide knows no socket.
import type { WebhookClientConfig } from "@coxswain/api/admissionregistration/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";

export interface HookCaller {
  /**
   * POSTs a review and answers what came back, parsed. Throws a HookError for everything but an answer of the 200s that is JSON. The webhook
   * has `timeoutSeconds`, but no longer than to `deadlineMs` by the monotonic clock, and is told so.
   */
  post(
    config: DeepReadonly<WebhookClientConfig>,
    review: object,
    timeoutSeconds: number,
    signal?: AbortSignal,
    deadlineMs?: number,
  ): Promise<unknown>;
}

/** A webhook that could not be asked, or whose answer is none; the message is in Go's words. */
export class HookError extends Error {
  override readonly name = "HookError";
}
