// Follows the definitions of custom resources: tells the server which kinds there are, gives definitions their status, and empties a kind
// whose definition is deleted before the definition goes. Every apiserver does so; the store decides between them.
import type { CustomResourceDefinition } from "@coxswain/api/apiextensions/v1";
import type { ApiObject } from "@coxswain/apimachinery";
import { jsonEqual } from "@coxswain/apimachinery";
import type { Clock } from "@coxswain/clock";
import { rfc3339 } from "@coxswain/clock";
import type { Component, Logger } from "@coxswain/daemon";
import { definitionStatus } from "../../core/custom/definition-status.ts";
import type { CustomKinds } from "../../core/custom/custom-kinds.ts";
import { definitionResource, isDefinition } from "../../core/custom/custom-kinds.ts";
import { cleanupFinalizer } from "../../core/registry/apiextensions/custom-resource-definition/strategy.ts";
import type { ObjectWriter } from "../../core/request.ts";

const retryMs = 1000;

export function createDefinitions(
  custom: CustomKinds,
  ports: { readonly objects: ObjectWriter; readonly clock: Clock; readonly log: Logger },
): Component {
  const { objects, clock, log } = ports;
  const aborter = new AbortController();
  const dirty = new Set<string>();
  /** Ends of the watches over the objects of definitions that are being deleted. */
  const emptying = new Map<string, () => void>();
  let wake = Promise.withResolvers<void>();
  let unsubscribe: (() => void) | undefined;
  let running: Promise<void> = Promise.resolve();

  const look = (name: string): void => {
    dirty.add(name);
    wake.resolve();
  };
  const view = (): ReturnType<ObjectWriter["view"]> => objects.view(definitionResource);
  const all = (): CustomResourceDefinition[] => [...view().list()].filter(isDefinition);

  const settle = async (name: string): Promise<void> => {
    const definition = view().get("", name);
    if (!definition || !isDefinition(definition)) return;
    if (definition.metadata.deletionTimestamp !== undefined) return empty(definition);
    if (jsonEqual(definitionStatus(definition, all(), ""), definition.status)) return;
    await objects.update(definitionResource, "", name, (current) => {
      if (!isDefinition(current) || current.metadata.deletionTimestamp !== undefined) return undefined;
      const status = definitionStatus(current, all(), rfc3339(clock.now()));
      return jsonEqual(status, current.status) ? undefined : { ...current, status };
    });
  };

  /** Deletes the kind's objects, each in its own time, and lets the definition go after the last. */
  const empty = async ({ metadata, spec }: CustomResourceDefinition): Promise<void> => {
    if (!metadata.finalizers?.includes(cleanupFinalizer)) return;
    const of = { group: spec.group, resource: spec.names.plural };
    const served = custom.all.some((kind) => kind.group === of.group && kind.resource === of.resource);
    if (served) {
      if (!emptying.has(metadata.name))
        emptying.set(
          metadata.name,
          objects.view(of).subscribe(() => look(metadata.name)),
        );
      const left = await objects.readAll(of, "");
      for (const object of left) await markForDeletion(of, object);
      if ((await objects.readAll(of, "")).length > 0) return;
    }
    emptying.get(metadata.name)?.();
    emptying.delete(metadata.name);
    await objects.update(definitionResource, "", metadata.name, (current) => ({
      ...current,
      metadata: {
        ...current.metadata,
        finalizers: (current.metadata.finalizers ?? []).filter((finalizer) => finalizer !== cleanupFinalizer),
      },
    }));
  };

  const markForDeletion = (of: { readonly group: string; readonly resource: string }, { metadata }: ApiObject) =>
    objects.update(of, metadata.namespace ?? "", metadata.name, (current) =>
      current.metadata.deletionTimestamp === undefined || (current.metadata.finalizers ?? []).length === 0
        ? {
            ...current,
            metadata: {
              ...current.metadata,
              deletionTimestamp: current.metadata.deletionTimestamp ?? rfc3339(clock.now()),
              deletionGracePeriodSeconds: 0,
            },
          }
        : undefined,
    );

  const run = async (): Promise<void> => {
    const { signal } = aborter;
    while (!signal.aborted) {
      for (const name of [...dirty]) {
        dirty.delete(name);
        await settle(name).catch((err: unknown) => {
          log.warn({ err, definition: name }, "a definition's status could not be settled; tried again soon");
          clock.setTimeout(() => look(name), retryMs);
        });
      }
      if (dirty.size > 0) continue;
      await wake.promise;
      wake = Promise.withResolvers();
    }
  };

  return {
    async start(signal) {
      await view().whenSynced(signal);
      unsubscribe = view().subscribe(({ old, object }) => {
        const name = (object ?? old)?.metadata.name ?? "";
        custom.put(name, object && isDefinition(object) ? object : undefined);
        look(name);
        // Names that were taken may be free now.
        if (!object) for (const other of all()) look(other.metadata.name);
      });
      running = run();
    },
    ready: () => [],
    async stop() {
      aborter.abort(new DOMException("stopped", "AbortError"));
      unsubscribe?.();
      for (const end of emptying.values()) end();
      wake.resolve();
      await running;
    },
  };
}
