// What is made of all objects of some kinds of configuration, such as webhooks, made again when one of them has changed.
import type { ApiObject } from "@coxswain/apimachinery";
import type { AdmissionPlugin, GroupResource, ObjectReader, ObjectView } from "../../request.ts";
import { isExempt } from "./rules.ts";

export interface Configured<T> {
  /** The newest state known. */
  current(): T;
  synced(): boolean;
  whenSynced(signal?: AbortSignal): Promise<void>;
}

/** `make` gets the objects of each resource, by name. */
export function configured<T>(
  reader: ObjectReader,
  resources: readonly GroupResource[],
  make: (lists: readonly (readonly ApiObject[])[]) => T,
): Configured<T> {
  const views: readonly ObjectView[] = resources.map((resource) => reader.view(resource));
  let made: { readonly value: T } | undefined;
  for (const view of views) view.subscribe(() => (made = undefined));
  return {
    current: () => (made ??= { value: make(views.map(byName)) }).value,
    synced: () => views.every((view) => view.synced()),
    whenSynced: async (signal) => void (await Promise.all(views.map((view) => view.whenSynced(signal)))),
  };
}

/** What all plugins handle that are made of such configuration: everything but what configures them, while there is any or nobody knows. */
export function concernsConfigured(known: Configured<readonly unknown[]>): AdmissionPlugin["handles"] {
  return (attributes) => !isExempt(attributes) && (!known.synced() || known.current().length > 0);
}

function byName(view: ObjectView): readonly ApiObject[] {
  return [...view.list()].toSorted((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1));
}
