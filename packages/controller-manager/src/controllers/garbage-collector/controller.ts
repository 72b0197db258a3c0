// Deletes what has lost its owners, and carries out foreground and orphaning deletion. The graph proposes; before anything is
// deleted the object and its owners are read from the server, because a graph may be behind.
import type { ApiObject, DeepReadonly, OwnerReference, ResourceDescriptor } from "@coxswain/apimachinery";
import { isNotFound } from "@coxswain/client";
import { createReconciler, createWorkQueue } from "@coxswain/controller";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { allOf } from "../../ownership/batches.ts";
import { createGraph } from "./graph.ts";
import type { GraphNode } from "./graph.ts";
import { createMonitors } from "./monitors.ts";
import { planGarbage } from "./plan.ts";
import type { GarbageView, OwnerState } from "./plan.ts";

const workers = 20;
/** UIDs never come back; remembering the absent ones spares a question per dependent. */
const mostAbsent = 10_000;

export function createGarbageCollectorController(ports: ControllerPorts): Controller {
  const { client, log } = ports;
  const graph = createGraph();
  const absent = new Set<string>();
  const queue = createWorkQueue<string>(
    { name: "garbage_collector" },
    { clock: ports.clock, metrics: ports.queueMetrics },
  );
  const events = ports.events("garbage-collector-controller");
  const monitors = createMonitors(ports, (event, descriptor) => {
    const uid = event.object.metadata.uid ?? "";
    if (event.type === "deleted") remember(uid);
    const look = event.type === "deleted" ? graph.remove(uid) : graph.upsert(event.object, descriptor);
    for (const affected of look) queue.add(affected);
  });

  const remember = (uid: string): void => {
    absent.add(uid);
    if (absent.size > mostAbsent) absent.delete(absent.values().next().value ?? "");
  };

  const reconcile = async (uid: string, signal: AbortSignal): Promise<void> => {
    const node = graph.get(uid);
    if (node === undefined) return;
    if (!node.seen) return lookForAssumed(node, signal);
    const { descriptor } = node;
    if (descriptor === undefined) return;
    const live = await read(descriptor, node.namespace, node.name, signal);
    if (live === undefined || live.metadata.uid !== uid) {
      for (const affected of graph.remove(uid)) queue.add(affected);
      return;
    }
    await collect(node, live, descriptor, signal);
  };

  /** Somebody names this as an owner, and no watch has shown it. */
  const lookForAssumed = async (node: GraphNode, signal: AbortSignal): Promise<void> => {
    const descriptor = monitors.descriptorOf(node.apiVersion, node.kind);
    if (descriptor === undefined) return; // a kind nobody serves: its dependents are left alone
    const found = await read(descriptor, descriptor.namespaced ? node.namespace : undefined, node.name, signal);
    if (found?.metadata.uid === node.uid) return; // its watch will bring it
    remember(node.uid);
    for (const affected of graph.remove(node.uid)) queue.add(affected);
  };

  const collect = async (
    node: GraphNode,
    live: DeepReadonly<ApiObject>,
    descriptor: ResourceDescriptor,
    signal: AbortSignal,
  ): Promise<void> => {
    const { ownerReferences = [], finalizers = [], deletionTimestamp, resourceVersion } = live.metadata;
    const owners: { reference: DeepReadonly<OwnerReference>; state: OwnerState }[] = [];
    for (const reference of ownerReferences)
      owners.push({ reference, state: await stateOf(reference, live, descriptor, signal) });
    const dependents = [...node.dependents].flatMap((uid) => {
      const dependent = graph.get(uid);
      const blocks =
        (dependent?.owners.some((owner) => owner.uid === node.uid && owner.blockOwnerDeletion === true) ?? false) &&
        !graph.isCircular(node.uid, uid); // in a circle everybody would wait for everybody
      return dependent ? [{ uid, blocks, deleting: dependent.deleting }] : [];
    });
    const view: GarbageView = { deleting: deletionTimestamp !== undefined, finalizers, owners, dependents };
    const { action, because } = planGarbage(view);
    const ref = { namespace: node.namespace, name: node.name };
    const resource = client.metadata(descriptor);
    if (action.kind !== "keep")
      log.info(
        {
          controller: "garbage-collector",
          kind: node.kind,
          object: `${node.namespace ?? ""}/${node.name}`,
          action: action.kind,
          because,
        },
        "collecting",
      );
    switch (action.kind) {
      case "keep":
        return;
      case "delete": {
        const preconditions = { uid: node.uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
        return ignoreNotFound(resource.delete(ref, { propagationPolicy: action.policy, preconditions, signal }));
      }
      case "remove-owners":
        return removeOwners(live, descriptor, new Set(action.uids), signal);
      case "remove-finalizer":
        return removeFinalizer(live, descriptor, action.finalizer, signal);
      case "orphan-dependents": {
        await allOf([...node.dependents], (uid) => free(uid, node.uid, signal));
        return removeFinalizer(live, descriptor, "orphan", signal);
      }
      case "look-at-dependents":
        for (const uid of action.uids) queue.add(uid);
    }
  };

  const stateOf = async (
    reference: DeepReadonly<OwnerReference>,
    dependent: DeepReadonly<ApiObject>,
    descriptor: ResourceDescriptor,
    signal: AbortSignal,
  ): Promise<OwnerState> => {
    if (absent.has(reference.uid)) return "dangling";
    const ownerDescriptor = monitors.descriptorOf(reference.apiVersion, reference.kind);
    if (ownerDescriptor === undefined) return "solid"; // cannot be judged, so nothing is taken away
    if (ownerDescriptor.namespaced && !descriptor.namespaced) {
      const message = `ownerRef [${reference.apiVersion}/${reference.kind}, name: ${reference.name}] of a cluster-scoped object is namespaced`;
      events.record(dependent, "Warning", "OwnerRefInvalidNamespace", message);
      return "solid";
    }
    const owner = await read(
      ownerDescriptor,
      ownerDescriptor.namespaced ? dependent.metadata.namespace : undefined,
      reference.name,
      signal,
    );
    if (owner === undefined || owner.metadata.uid !== reference.uid) {
      remember(reference.uid);
      return "dangling";
    }
    const waits =
      owner.metadata.deletionTimestamp !== undefined &&
      (owner.metadata.finalizers ?? []).includes("foregroundDeletion");
    return waits ? "waiting" : "solid";
  };

  const free = async (uid: string, ownerUid: string, signal: AbortSignal): Promise<void> => {
    const dependent = graph.get(uid);
    if (dependent?.descriptor === undefined) return;
    const live = await read(dependent.descriptor, dependent.namespace, dependent.name, signal);
    if (live?.metadata.uid === uid) await removeOwners(live, dependent.descriptor, new Set([ownerUid]), signal);
  };

  const removeOwners = (
    live: DeepReadonly<ApiObject>,
    descriptor: ResourceDescriptor,
    uids: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<void> => {
    const left = (live.metadata.ownerReferences ?? []).filter((reference) => !uids.has(reference.uid));
    return patch(live, descriptor, { ownerReferences: left.length > 0 ? left : null }, signal);
  };

  const removeFinalizer = (
    live: DeepReadonly<ApiObject>,
    descriptor: ResourceDescriptor,
    finalizer: string,
    signal: AbortSignal,
  ): Promise<void> => {
    const left = (live.metadata.finalizers ?? []).filter((one) => one !== finalizer);
    return patch(live, descriptor, { finalizers: left.length > 0 ? left : null }, signal);
  };

  /** Only if nobody has written since; otherwise the queue looks again. */
  const patch = async (
    live: DeepReadonly<ApiObject>,
    descriptor: ResourceDescriptor,
    metadata: object,
    signal: AbortSignal,
  ): Promise<void> => {
    const { namespace, name, uid, resourceVersion } = live.metadata;
    const body = { metadata: { ...metadata, uid, resourceVersion } };
    await ignoreNotFound(client.metadata(descriptor).patch({ namespace, name }, body, { type: "merge", signal }));
  };

  const read = async (
    descriptor: ResourceDescriptor,
    namespace: string | undefined,
    name: string,
    signal: AbortSignal,
  ): Promise<DeepReadonly<ApiObject> | undefined> => {
    try {
      return await client.metadata(descriptor).get({ namespace, name }, { signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };

  return {
    async run(signal) {
      const following = monitors.run(signal);
      try {
        await monitors.whenSynced(signal);
        await createReconciler({ name: "garbage-collector", concurrency: workers, reconcile }, { queue, log }).run(
          signal,
        );
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        queue.shutDown();
        await following;
      }
    },
  };
}

async function ignoreNotFound(writing: Promise<unknown>): Promise<void> {
  try {
    await writing;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
