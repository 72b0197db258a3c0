// Tells node agents up to which revision of endpoints this node's rules are in force, so that an agent can let a pod finish
// its work until nobody sends it new connections. Daemons meet on the wire only: a Lease per proxy carries the revision.
// Written at once when endpoints left, else renewed slowly; one write at a time, of the newest. Why it is so:
// docs/decisions/0006-proxies-acknowledge-endpoints.md.
import { leases } from "@coxswain/api/coordination/v1";
import type { Lease } from "@coxswain/api/coordination/v1";
import { isNotFound } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import { rfc3339Micro } from "@coxswain/clock";
import type { Clock, Timer } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";

const acknowledgementNamespace = "kube-node-lease";
const acknowledgementLabel = "coxswain.io/component";
const revisionAnnotation = "coxswain.io/endpoints-programmed";
/** A lease that was not renewed for so long is nobody's any more. */
const leaseDurationSeconds = 30;
const renewIntervalMs = 10_000;
const retryMs = 1_000;

export interface Acknowledgement {
  /** Rules for this revision are in force; `urgent`: somebody may be waiting for it. */
  programmed(revision: number, urgent: boolean): void;
  run(signal: AbortSignal): Promise<void>;
}

export function createAcknowledgement(
  nodeName: string,
  ports: { readonly client: Client; readonly clock: Clock; readonly log: Logger },
): Acknowledgement {
  const { clock, log } = ports;
  const api = ports.client.resource(leases);
  const ref = { namespace: acknowledgementNamespace, name: `proxy-${nodeName}` };
  let revision: number | undefined;
  let urgent = false;
  let wakeUp: (() => void) | undefined;

  const write = async (signal: AbortSignal): Promise<void> => {
    const metadata = {
      ...ref,
      labels: { [acknowledgementLabel]: "proxy" },
      annotations: { [revisionAnnotation]: String(revision) },
    };
    const spec = { holderIdentity: nodeName, leaseDurationSeconds, renewTime: rfc3339Micro(clock.now()) };
    try {
      await api.patch(ref, { metadata, spec }, { type: "merge", signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const lease: Lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec };
      await api.create(lease, { namespace: ref.namespace, signal });
    }
  };

  const rest = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted || urgent) return resolve();
      const finish = (): void => {
        timer.cancel();
        wakeUp = undefined;
        signal.removeEventListener("abort", finish);
        resolve();
      };
      const timer: Timer = clock.setTimeout(finish, ms);
      signal.addEventListener("abort", finish, { once: true });
      wakeUp = finish;
    });

  return {
    programmed(newest, isUrgent) {
      const first = revision === undefined;
      revision = newest;
      urgent ||= isUrgent || first;
      if (urgent) wakeUp?.();
    },
    async run(signal) {
      while (!signal.aborted) {
        let pauseMs = renewIntervalMs;
        if (revision !== undefined) {
          urgent = false;
          try {
            await write(signal);
          } catch (error) {
            if (signal.aborted) break;
            log.warn({ err: error }, "endpoints could not be acknowledged");
            pauseMs = retryMs;
          }
        }
        await rest(pauseMs, signal);
      }
      // Nobody shall wait for a proxy that has gone; if this fails, the lease's age tells it.
      if (revision !== undefined) {
        await api
          .delete(ref, { signal: AbortSignal.timeout(1_000) })
          .catch((error: unknown) => log.debug({ err: error }, "the acknowledgement was left to expire"));
      }
    },
  };
}
