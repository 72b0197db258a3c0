// Keeps one certificate of the agent fresh for as long as it lives: looks, asks when it is time, writes the new pair where
// client and server read it. Nobody restarts. A refusal is logged and tried again, ever more seldom.
import type { Client } from "@coxswain/client";
import type { Clock } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import { planCertificate } from "../../core/certificate/plan.ts";
import type { WantedCertificate } from "../../core/certificate/plan.ts";
import { askForCertificate } from "./ask.ts";
import type { SignerChoice } from "./ask.ts";
import type { PairFile } from "./pair-file.ts";

export interface CertificateKeeper {
  /** Until the signal. */
  run(signal: AbortSignal): Promise<void>;
}

const firstRetryMs = 5_000;
const longestRetryMs = 300_000;
/** However long a certificate lives, its file and the wanted names are looked at this often; and never sooner after a new one. */
const lookMs = 60_000;

export function createCertificateKeeper(
  settings: {
    readonly signer: SignerChoice;
    /** The share of a certificate's life after which the next one is asked for. */
    readonly share: number;
    readonly wanted: () => Promise<WantedCertificate>;
  },
  ports: {
    readonly client: Pick<Client, "resource">;
    readonly clock: Clock;
    readonly log: Logger;
    readonly file: PairFile;
    /** The file holds a new pair. */
    readonly renewed: () => Promise<void>;
    /** What `/metrics` says: when the certificate ends. */
    readonly endsAt: (ms: number) => void;
  },
): CertificateKeeper {
  const { clock, file, log } = ports;
  const { signerName } = settings.signer;

  /** How long to wait until the next look. */
  const look = async (signal: AbortSignal): Promise<number> => {
    const [held, wanted] = [await file.read(), await settings.wanted()];
    if (held) ports.endsAt(held.notAfterMs);
    const plan = planCertificate(held, wanted, settings.share, clock.now());
    if (!plan.ask) return Math.min(lookMs, plan.wakeAtMs - clock.now());
    const asked = (request: string): void =>
      log.info({ signerName, request, because: plan.because }, "a certificate is asked for");
    await file.write(await askForCertificate(wanted, settings.signer, { ...ports, asked }, signal));
    await ports.renewed();
    const fresh = await file.read();
    if (fresh) ports.endsAt(fresh.notAfterMs);
    log.info({ signerName, endsAt: new Date(fresh?.notAfterMs ?? 0).toISOString() }, "a certificate was received");
    return lookMs;
  };

  return {
    async run(signal) {
      let retryMs = firstRetryMs;
      while (!signal.aborted) {
        let waitMs: number;
        try {
          waitMs = await look(signal);
          retryMs = firstRetryMs;
        } catch (error) {
          if (signal.aborted) return;
          log.warn({ signerName, err: error, retryMs }, "no new certificate yet");
          waitMs = retryMs;
          retryMs = Math.min(longestRetryMs, retryMs * 2);
        }
        await clock.sleep(Math.max(1, waitMs), signal).catch(() => undefined);
      }
    },
  };
}
