// Waits until nobody sends a pod new connections any more. What it needs to see (the namespace's endpoints, the proxies'
// leases) is followed only while pods end, and a little longer, since pods end in rows. A wait has a bound: proxies that do
// not answer delay an end, they do not prevent it.
import { leases } from "@coxswain/api/coordination/v1";
import type { Lease } from "@coxswain/api/coordination/v1";
import type { Pod } from "@coxswain/api/core/v1";
import { endpointSlices } from "@coxswain/api/discovery/v1";
import type { EndpointSlice } from "@coxswain/api/discovery/v1";
import type { ApiObject, ResourceDescriptor } from "@coxswain/apimachinery";
import type { Client } from "@coxswain/client";
import { createInformer } from "@coxswain/controller";
import type { Informer, InformerPorts } from "@coxswain/controller";
import type { Timer } from "@coxswain/clock";
import { departureOf, proxiesBehind, proxyLeases } from "../../core/network/withdrawal.ts";

export interface EndpointWithdrawal {
  /** Resolves when the pod's containers may be stopped; never rejects. */
  withdrawn(pod: Pod, signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

const lingerMs = 10_000;

/** `boundMs`: the longest wait; half of the pod's grace is never exceeded. */
export function createEndpointWithdrawal(
  config: { readonly boundMs: number },
  ports: InformerPorts & { readonly client: Client },
): EndpointWithdrawal {
  const { clock, log, client } = ports;
  const follow = <T extends ApiObject>(
    resource: ResourceDescriptor<T>,
    options: { readonly namespace: string; readonly labelSelector?: string },
  ): Followed<T> => createFollowed(() => createInformer<T>(client.resource(resource), options, ports), ports);
  const proxies = follow<Lease>(leases, proxyLeases);
  const namespaces = new Map<string, Followed<EndpointSlice>>();
  const slicesOf = (namespace: string): Followed<EndpointSlice> => {
    const known = namespaces.get(namespace) ?? follow<EndpointSlice>(endpointSlices, { namespace });
    namespaces.set(namespace, known);
    return known;
  };

  const wait = async (pod: Pod, signal: AbortSignal): Promise<void> => {
    using slices = slicesOf(pod.metadata?.namespace ?? "").use();
    using acknowledged = proxies.use();
    let revision: number | undefined;
    const through = Promise.withResolvers<void>();
    const look = (): void => {
      if (!slices.informer.synced() || !acknowledged.informer.synced()) return;
      if (revision === undefined) {
        const departure = departureOf(pod, slices.informer.list());
        if (departure.state === "no-endpoint") return through.resolve();
        if (departure.state === "not-told") return;
        ({ revision } = departure);
      }
      if (proxiesBehind(acknowledged.informer.list(), revision, clock.now()).length === 0) through.resolve();
    };
    const forget = [slices.informer.subscribe(look), acknowledged.informer.subscribe(look)];
    const aborted = (): void => through.reject(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    try {
      await Promise.race([
        through.promise,
        Promise.all([slices.informer.whenSynced(signal), acknowledged.informer.whenSynced(signal)]).then(() => {
          look();
          return through.promise;
        }),
      ]);
    } finally {
      signal.removeEventListener("abort", aborted);
      for (const unsubscribe of forget) unsubscribe();
    }
  };

  return {
    async withdrawn(pod, signal) {
      const { metadata, status } = pod;
      if (!status?.podIP) return;
      const bound = new AbortController();
      const boundMs = Math.min(config.boundMs, (metadata?.deletionGracePeriodSeconds ?? 30) * 500);
      const timer = clock.setTimeout(() => bound.abort(new Error("the wait is over")), boundMs);
      try {
        await wait(pod, AbortSignal.any([signal, bound.signal]));
      } catch (error) {
        if (!signal.aborted)
          log.warn(
            { object: `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`, waitedMs: boundMs, err: error },
            "the pod ends although not every proxy has acknowledged that its endpoint leaves",
          );
      } finally {
        timer.cancel();
      }
    },
    async stop() {
      await Promise.all([proxies, ...namespaces.values()].map((followed) => followed.stop()));
      namespaces.clear();
    },
  };
}

interface Followed<T extends ApiObject> {
  use(): { readonly informer: Informer<T> } & Disposable;
  stop(): Promise<void>;
}

/** An informer that runs while somebody uses it, and a little longer. */
function createFollowed<T extends ApiObject>(create: () => Informer<T>, { clock }: InformerPorts): Followed<T> {
  let running:
    { readonly informer: Informer<T>; readonly aborter: AbortController; done: Promise<unknown> } | undefined;
  let users = 0;
  let linger: Timer | undefined;
  const end = (): Promise<unknown> => {
    linger?.cancel();
    running?.aborter.abort(new DOMException("nobody follows any more", "AbortError"));
    const done = running?.done ?? Promise.resolve();
    running = undefined;
    return done;
  };
  const begin = (): { readonly informer: Informer<T> } => {
    if (running) return running;
    const aborter = new AbortController();
    const informer = create();
    running = { informer, aborter, done: informer.run(aborter.signal).catch(() => undefined) };
    return running;
  };
  return {
    use() {
      linger?.cancel();
      users++;
      const { informer } = begin();
      return {
        informer,
        [Symbol.dispose]() {
          users--;
          if (users === 0) linger = clock.setTimeout(() => void end(), lingerMs);
        },
      };
    },
    stop: async () => void (await end()),
  };
}
