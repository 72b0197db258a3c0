// Pods from a URL that is asked from time to time. While it does not answer, or answers nonsense, the pods of its last good
// answer go on.
import type { Clock } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import { messageOf } from "../../errors.ts";
import { hash, podsIn } from "./manifest-folder.ts";
import { mostManifestBytes } from "./manifest-text.ts";
import type { PodSource } from "./static-pods.ts";

const answerWithinMs = 10_000;

export function createManifestUrl(
  config: {
    readonly url: string;
    readonly headers: readonly (readonly [string, string])[];
    readonly nodeName: string;
    readonly checkMs: number;
  },
  ports: { readonly clock: Clock; readonly log: Logger },
): PodSource {
  const { clock, log } = ports;

  const ask = async (signal: AbortSignal): Promise<string> => {
    const aborter = new AbortController();
    const timer = clock.setTimeout(() => aborter.abort(new Error("no answer in time")), answerWithinMs);
    try {
      const response = await fetch(config.url, {
        headers: config.headers.map(([name, value]): [string, string] => [name, value]),
        signal: AbortSignal.any([signal, aborter.signal]),
      });
      if (response.status !== 200) throw new Error(`${config.url}: ${response.status} ${response.statusText}`);
      let text = "";
      const decoder = new TextDecoder();
      for await (const bytes of response.body ?? []) {
        text += decoder.decode(bytes, { stream: true });
        if (text.length > mostManifestBytes) throw new Error(`the answer has more than ${mostManifestBytes} bytes`);
      }
      if (text.trim() === "") throw new Error("zero-length data received");
      return text;
    } finally {
      timer.cancel();
    }
  };

  return {
    name: config.url,
    async run(report, signal) {
      let before: string | undefined;
      while (!signal.aborted) {
        try {
          const text = await ask(signal);
          if (text !== before) {
            const origin = {
              source: "http",
              place: config.url,
              nodeName: config.nodeName,
              nowMs: clock.now(),
              hash,
            } as const;
            const { pods, errors } = podsIn(text, origin);
            if (errors.length > 0) throw new Error(errors.join("; "));
            before = text;
            report(pods);
          }
        } catch (error) {
          if (!signal.aborted)
            log.warn({ url: config.url, err: messageOf(error) }, "the manifest could not be fetched");
        }
        await clock.sleep(config.checkMs, signal).catch(() => undefined);
      }
    },
  };
}
