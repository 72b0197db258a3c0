// Empties a namespace that is being deleted, whatever kinds there are, says in its conditions what remains, and lets it go when
// nothing does. It looks again while things remain: what holds them is not ours to watch.
import { namespaces as namespaceResource } from "@coxswain/api/core/v1";
import type { Namespace } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isConflict, isNotFound } from "@coxswain/client";
import type { DiscoveredResource, Discovery } from "@coxswain/client";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { sameJson } from "../../loop/same-json.ts";
import { isEmpty, namespaceConditions } from "./plan.ts";
import type { Remains } from "./plan.ts";

/** What the server offers seldom changes; a kind that appears later is found by the next look. */
const discoveryMaxAgeMs = 10_000;
const firstLookAgainMs = 300;
const lastLookAgainMs = 5_000;
const pageSize = 500;

export function createNamespaceController(ports: ControllerPorts): Controller {
  const { client, clock, log } = ports;
  const namespaces = ports.informers.namespaces();
  const namespaceClient = client.resource(namespaceResource);
  const looks = new Map<string, number>();
  let discovered: { readonly at: number; readonly discovery: Discovery } | undefined;

  const discover = async (signal: AbortSignal): Promise<Discovery> => {
    if (discovered === undefined || clock.monotonic() - discovered.at > discoveryMaxAgeMs) {
      discovered = { at: clock.monotonic(), discovery: await client.discover(signal) };
    }
    return discovered.discovery;
  };

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const namespace = namespaces.get(key);
    if (
      namespace?.metadata.deletionTimestamp === undefined ||
      !(namespace.spec?.finalizers ?? []).includes("kubernetes")
    ) {
      looks.delete(key);
      return;
    }
    const remains = await empty(key, signal);
    if (isEmpty(remains)) {
      await finalize(namespace, signal);
      log.info({ controller: "namespace", object: key, because: "nothing is left in it" }, "letting a namespace go");
      looks.delete(key);
      return;
    }
    await writeConditions(namespace, remains, signal);
    const look = looks.get(key) ?? 0;
    looks.set(key, look + 1);
    return { wakeAfterMs: Math.min(firstLookAgainMs * 2 ** look, lastLookAgainMs) };
  };

  /** Deletes what there is and counts what stays. */
  const empty = async (namespace: string, signal: AbortSignal): Promise<Remains> => {
    const { resources, failures } = await discover(signal);
    const remains = {
      resources: new Map<string, number>(),
      finalizers: new Map<string, number>(),
      discoveryFailures: failures.map((failure) => `${failure.groupVersion}: ${failure.reason}`),
      deletionFailures: [] as string[],
    };
    const kinds = resources.filter(
      (one) => one.preferred && one.descriptor.namespaced && one.verbs.includes("delete") && one.verbs.includes("list"),
    );
    await Promise.all(
      kinds.map(async (kind) => {
        const name = `${kind.descriptor.resource}.${kind.descriptor.group}`;
        try {
          const left = await emptyKind(kind, namespace, signal);
          if (left.length === 0) return;
          remains.resources.set(name, left.length);
          for (const finalizer of left.flatMap((object) => object.metadata.finalizers ?? [])) {
            remains.finalizers.set(finalizer, (remains.finalizers.get(finalizer) ?? 0) + 1);
          }
        } catch (error) {
          signal.throwIfAborted();
          remains.deletionFailures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }),
    );
    return remains;
  };

  const emptyKind = async ({ descriptor, verbs }: DiscoveredResource, namespace: string, signal: AbortSignal) => {
    const resource = client.resource(descriptor);
    const present = (await resource.list({ namespace, limit: pageSize, signal })).items;
    const undeleted = present.filter((object) => object.metadata.deletionTimestamp === undefined);
    if (undeleted.length === 0) return present;
    if (verbs.includes("deletecollection"))
      await resource.deleteCollection({ namespace, propagationPolicy: "Background", signal });
    else {
      for (const { metadata } of undeleted) {
        await resource
          .delete({ namespace, name: metadata.name }, { propagationPolicy: "Background", signal })
          .catch((error: unknown) => {
            if (!isNotFound(error)) throw error;
          });
      }
    }
    return (await resource.list({ namespace, limit: pageSize, signal })).items;
  };

  const finalize = async (namespace: DeepReadonly<Namespace>, signal: AbortSignal): Promise<void> => {
    const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== "kubernetes");
    try {
      await namespaceClient.update(
        { ...namespace, spec: { ...namespace.spec, finalizers } },
        { subresource: "finalize", signal },
      );
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };

  const writeConditions = async (
    namespace: DeepReadonly<Namespace>,
    remains: Remains,
    signal: AbortSignal,
  ): Promise<void> => {
    const before = namespace.status?.conditions ?? [];
    const ours = namespaceConditions(remains, before, clock.now());
    const others = before.filter((condition) => !ours.some((one) => one.type === condition.type));
    const conditions = [...others, ...ours];
    if (namespace.status?.phase === "Terminating" && sameJson(before, conditions)) return;
    const status = { ...namespace.status, phase: "Terminating" as const, conditions };
    try {
      await namespaceClient.update({ ...namespace, status }, { subresource: "status", signal });
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error; // the next look says it
    }
  };

  return createLoop(
    { name: "namespace", watches: [wakeOn(namespaces, (namespace) => [objectKey(namespace)])], reconcile },
    ports,
  );
}
