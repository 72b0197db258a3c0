// The objects that quotas count: whole for the kinds whose content matters, of all others only that they are there, followed from the
// first quota that names them on.
import { qualifiedName } from "@coxswain/apimachinery";
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import type { CountedResource } from "@coxswain/api/quota";
import { createInformer } from "@coxswain/controller";
import type { Indexers, Informer, InformerEvent } from "@coxswain/controller";
import type { ControllerPorts } from "../../loop/controller.ts";

type Followed = Pick<Informer<ApiObject>, "byIndex" | "subscribe" | "whenSynced">;

export interface CountedObjects {
  /** All objects of a namespace; undefined for a resource that the server does not serve, in which nothing can be. */
  in(
    namespace: string,
    resource: CountedResource,
    signal: AbortSignal,
  ): Promise<readonly DeepReadonly<ApiObject>[] | undefined>;
  /** Tells each change of an object that is counted, of whatever resource. */
  subscribe(listener: (resource: CountedResource, event: InformerEvent<ApiObject>) => void): () => void;
  whenSynced(signal: AbortSignal): Promise<void>;
  /** Follows until the signal. */
  run(signal: AbortSignal): Promise<void>;
}

const byNamespace: Indexers<ApiObject> = { namespace: (object) => [object.metadata.namespace ?? ""] };

export function createCountedObjects({ client, informers, clock, random, log }: ControllerPorts): CountedObjects {
  type Listener = (resource: CountedResource, event: InformerEvent<ApiObject>) => void;
  const listeners = new Set<Listener>();
  const followed = new Map<string, Followed>();
  const running = new Set<Promise<void>>();

  const follow = (resource: CountedResource, informer: Followed): Followed => {
    followed.set(keyOf(resource), informer);
    informer.subscribe((event) => {
      for (const listener of listeners) listener(resource, event);
    });
    return informer;
  };
  const core = (resource: string): CountedResource => ({ group: "", resource });
  const whole = [
    follow(core("pods"), informers.pods() as Followed),
    follow(core("services"), informers.services() as Followed),
    follow(core("persistentvolumeclaims"), informers.persistentVolumeClaims() as Followed),
  ];

  /** The first question about a resource starts to follow it, for as long as this process leads. */
  const begin = async (resource: CountedResource, signal: AbortSignal): Promise<Followed | undefined> => {
    const { resources } = await client.discover(signal);
    const found = resources.find(
      ({ descriptor, preferred, verbs }) =>
        preferred && descriptor.namespaced && keyOf(descriptor) === keyOf(resource) && verbs.includes("watch"),
    );
    const known = followed.get(keyOf(resource));
    if (found === undefined || known !== undefined) return known;
    const informer = createInformer(
      client.metadata(found.descriptor),
      { indexers: byNamespace },
      { clock, random, log },
    );
    running.add(informer.run(signal));
    return follow(resource, informer);
  };

  return {
    async in(namespace, resource, signal) {
      const informer = followed.get(keyOf(resource)) ?? (await begin(resource, signal));
      if (informer === undefined) return undefined;
      await informer.whenSynced(signal);
      return informer.byIndex("namespace", namespace);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    whenSynced: async (signal) => void (await Promise.all(whole.map((informer) => informer.whenSynced(signal)))),
    async run(signal) {
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", () => resolve(), { once: true });
      });
      await Promise.all(running);
    },
  };
}

function keyOf({ group, resource }: CountedResource): string {
  return qualifiedName(resource, group);
}
