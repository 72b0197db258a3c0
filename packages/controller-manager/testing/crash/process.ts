// A controller manager that dies at its k-th write: before the write reaches the server, or after it, with the answer lost either way.
// From then on nothing that the old process still does has any effect, as with kill -9. Events are not counted: nobody acts on them.
import type { ApiObject, ResourceDescriptor } from "@coxswain/apimachinery";
import type { Client, ResourceClient } from "@coxswain/client";
import type { Clock, Random } from "@coxswain/clock";
import { silentLog } from "@coxswain/controller/testing";
import { createController } from "../../src/controllers.ts";
import type { ControllerName } from "../../src/controllers.ts";
import { createRecorders } from "../../src/loop/controller.ts";
import { createSharedInformers } from "../../src/loop/informers.ts";
import { limits } from "../limits.ts";

export interface Death {
  /** Counted from 1. */
  readonly atWrite: number;
  readonly when: "before" | "after";
}

export interface Process {
  readonly alive: boolean;
  readonly writes: number;
  /** What it wrote when it died: "create pods". */
  readonly lastWords: string;
  kill(): void;
  /** Resolves when nothing of it runs any more. */
  readonly gone: Promise<unknown>;
}

export function startProcess(
  names: readonly ControllerName[],
  death: Death | undefined,
  ports: { readonly client: Client; readonly clock: Clock; readonly random: Random },
): Process {
  const ending = new AbortController();
  const state = { alive: true, writes: 0, lastWords: "" };
  const kill = (): void => {
    state.alive = false;
    ending.abort(new DOMException("killed", "AbortError"));
  };
  const living = <R>(act: () => Promise<R>): Promise<R> =>
    state.alive ? act() : Promise.reject(new DOMException("killed", "AbortError"));

  const write = async <R>(words: string, act: () => Promise<R>): Promise<R> => {
    if (!state.alive) return living(act);
    const dies = ++state.writes === death?.atWrite;
    if (dies) state.lastWords = words;
    if (dies && death.when === "before") kill();
    const result = living(act);
    if (dies) kill();
    await result.catch(() => undefined); // whoever lives is told below
    return state.alive ? result : living(act);
  };

  const resource = <T extends ApiObject>(d: ResourceDescriptor<T>): ResourceClient<T> => {
    const inner = ports.client.resource(d);
    const counted = <R>(verb: string, act: () => Promise<R>): Promise<R> =>
      d.resource === "events" ? living(act) : write(`${verb} ${d.resource}`, act);
    const own: ResourceClient<T> = {
      ...inner,
      get: (ref, o) => living(() => inner.get(ref, o)),
      list: (o) => living(() => inner.list(o)),
      watch: (o) => inner.watch({ ...o, signal: AbortSignal.any([o.signal, ending.signal]) }),
      create: (object, o) => counted("create", () => inner.create(object, o)),
      update: (object, o) => counted(`update ${o?.subresource ?? ""}`, () => inner.update(object, o)),
      patch: (ref, patch, o) => counted("patch", () => inner.patch(ref, patch, o)),
      delete: (ref, o) => counted("delete", () => inner.delete(ref, o)),
      // One write for each object: a server may die in between, too.
      async deleteCollection(o) {
        for (const { metadata } of (await own.list(o)).items)
          await own.delete({ namespace: metadata.namespace, name: metadata.name }, o);
      },
    };
    return own;
  };
  const client: Client = {
    ...ports.client,
    resource,
    metadata: resource,
    discover: (signal) => living(() => ports.client.discover(signal)),
  };
  const shared = { client, clock: ports.clock, random: ports.random, log: silentLog };
  const informers = createSharedInformers(client, shared);
  const controllerPorts = { ...shared, informers, events: createRecorders(shared) };
  const work = names
    .map((name) => createController(name, controllerPorts, limits))
    .map((controller) => controller.run(ending.signal));
  const gone = Promise.all([...work, informers.run(ending.signal)]);
  return {
    get alive() {
      return state.alive;
    },
    get writes() {
      return state.writes;
    },
    get lastWords() {
      return state.lastWords;
    },
    kill,
    gone,
  };
}
