// Where pods come from: the API's, those of manifests (a directory, a URL, what was posted to the agent), and the mirrors by
// which the API knows of the latter. It feeds the pod set and decides nothing about a pod.
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Pod } from "@coxswain/api/core/v1";
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import type { Client } from "@coxswain/client";
import type { Clock } from "@coxswain/clock";
import type { Informer } from "@coxswain/controller";
import type { Logger } from "@coxswain/daemon";
import { isMirrorPod } from "../../core/pod/static-pod.ts";
import { AgentError } from "../../errors.ts";
import type { PodApi } from "../../ports.ts";
import { createManifestFolder, hash, podsIn } from "./manifest-folder.ts";
import { createManifestUrl } from "./manifest-url.ts";
import { createMirrorPods } from "./mirror-pods.ts";
import type { PodSet } from "./pod-set.ts";
import { nameOf } from "./state.ts";
import { createStaticPods } from "./static-pods.ts";

export interface PodFeedConfig {
  readonly nodeName: string;
  readonly rootDirectory: string;
  readonly manifests: {
    readonly path: string | undefined;
    readonly pathCheckMs: number;
    readonly url: string | undefined;
    readonly urlHeaders: readonly (readonly [string, string])[];
    readonly urlCheckMs: number;
  };
}

export interface PodFeed {
  /** The pods' API, with static pods led to their mirrors. */
  readonly api: PodApi;
  /** Nothing is left of the pod of this name. */
  ended(name: string): void;
  /** Feeds the set until the signal. */
  run(podSet: PodSet, signal: AbortSignal): Promise<void>;
  /** Keeps what was posted and runs it, also after a restart; the pods' names. */
  post(text: string): Promise<readonly string[]>;
  /** Takes back what was posted; whether there was such a pod. */
  withdraw(namespace: string, name: string): Promise<boolean>;
}

export function createPodFeed(
  config: PodFeedConfig,
  ports: {
    readonly client: Pick<Client, "resource">;
    readonly clock: Clock;
    readonly log: Logger;
    readonly api: PodApi;
    readonly pods: Informer<Pod>;
    readonly nodeUid: () => string | undefined;
  },
): PodFeed {
  const { clock, log, api } = ports;
  const { nodeName, manifests } = config;
  const postedDirectory = join(config.rootDirectory, "posted");
  let podSet: PodSet | undefined;
  let complete = false;
  /** By uid, not by annotation: anybody may write that on a pod of the API. */
  const ours = new Set<string>();
  const isStatic = (pod: Pod): boolean => ours.has(pod.metadata.uid ?? "");
  const mirrors = createMirrorPods(nodeName, {
    client: ports.client,
    clock,
    log,
    nodeUid: ports.nodeUid,
    complete: () => complete,
    lives: (name) => podSet?.workers().some((worker) => nameOf(worker.pod()) === name) ?? false,
  });
  const folder = (path: string, source: "file" | "http") =>
    createManifestFolder({ path, source, nodeName, checkMs: manifests.pathCheckMs }, { clock, log });
  const sources = [
    ...(manifests.path === undefined ? [] : [folder(manifests.path, "file")]),
    folder(postedDirectory, "http"),
    ...(manifests.url === undefined
      ? []
      : [
          createManifestUrl(
            { url: manifests.url, headers: manifests.urlHeaders, nodeName, checkMs: manifests.urlCheckMs },
            { clock, log },
          ),
        ]),
  ];
  const staticPods = createStaticPods(sources, {
    log,
    put(pod) {
      ours.add(pod.metadata.uid ?? "");
      podSet?.put(pod);
    },
    forget: (uid) => podSet?.forget(uid),
    changed: (all) => mirrors.want(all),
  });

  const take = (object: DeepReadonly<Pod>, old: DeepReadonly<Pod> | undefined, gone: boolean): void => {
    if (isMirrorPod(object)) return mirrors.observe(nameOf(object as Pod), gone ? undefined : own<Pod>(object));
    // After a lost watch another pod of the same name may stand where one was.
    if (old && old.metadata.uid !== object.metadata.uid) podSet?.forget(old.metadata.uid ?? "");
    if (gone) podSet?.forget(object.metadata.uid ?? "");
    else podSet?.put(own<Pod>(object));
  };

  return {
    api: {
      ...api,
      current: async (pod, signal) => (isStatic(pod) ? pod : api.current(pod, signal)),
      async writeStatus(pod, status, signal) {
        if (!isStatic(pod)) return api.writeStatus(pod, status, signal);
        mirrors.report(pod, status);
        return pod;
      },
      // A static pod's object is a file; its mirror goes when nothing of it runs any more.
      deletePod: async (pod, signal) => (isStatic(pod) ? undefined : api.deletePod(pod, signal)),
    },
    ended: () => mirrors.poke(),
    async run(set, signal) {
      podSet = set;
      await mkdir(postedDirectory, { recursive: true, mode: 0o750 });
      ports.pods.subscribe((event) =>
        take(event.object, event.type === "updated" ? event.old : undefined, event.type === "deleted"),
      );
      const collect = async (): Promise<void> => {
        await Promise.all([ports.pods.whenSynced(signal), staticPods.known]);
        complete = true;
        mirrors.poke();
        await set.collectOrphans(signal);
      };
      await Promise.all([staticPods.run(signal), mirrors.run(signal), collect()]);
    },
    async post(text) {
      const origin = { source: "http", place: postedDirectory, nodeName, nowMs: clock.now(), hash } as const;
      const { pods, errors } = podsIn(text, origin);
      if (errors.length > 0) throw new AgentError("manifest", errors.join("; "));
      if (pods.length !== 1) throw new AgentError("manifest", `expected one pod, found ${pods.length}`);
      const names = pods.map(nameOf);
      for (const name of names) {
        const path = join(postedDirectory, fileOf(name));
        // Whole or not at all; the folder's reader leaves names with a dot in front alone.
        await writeFile(join(postedDirectory, `.${fileOf(name)}`), text, { mode: 0o600 });
        await rename(join(postedDirectory, `.${fileOf(name)}`), path);
      }
      return names;
    },
    async withdraw(namespace, name) {
      const wanted = [fileOf(`${namespace}/${name}`), fileOf(`${namespace}/${name}-${nodeName}`)];
      const found = (await readdir(postedDirectory)).find((file) => wanted.includes(file));
      if (found !== undefined) await rm(join(postedDirectory, found), { force: true });
      return found !== undefined;
    },
  };
}

/** Names of pods and namespaces hold no slash and no underscore. */
function fileOf(name: string): string {
  return `${name.replace("/", "_")}.yaml`;
}

/** Objects of a cache are shared; what pods' workers keep is a copy of their own. */
function own<T extends ApiObject>(object: DeepReadonly<T>): T {
  return structuredClone(object) as T;
}
