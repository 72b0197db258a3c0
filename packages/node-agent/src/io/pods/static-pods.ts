// All sources of pods besides the API as one set: hands new pods to the workers, takes away those that no source has any
// more, and tells the mirrors which there are. Of two pods of one name the first source's counts.
import type { Pod } from "@coxswain/api/core/v1";
import type { Logger } from "@coxswain/daemon";
import { nameOf } from "./state.ts";

export interface PodSource {
  readonly name: string;
  /** Follows the source until the signal; each report holds all of its pods. */
  run(report: (pods: readonly Pod[]) => void, signal: AbortSignal): Promise<void>;
}

export interface StaticPods {
  run(signal: AbortSignal): Promise<void>;
  /** Resolves when every source has reported once: only then is it known which pods there are. */
  readonly known: Promise<void>;
  list(): readonly Pod[];
}

export function createStaticPods(
  sources: readonly PodSource[],
  ports: {
    readonly log: Logger;
    readonly put: (pod: Pod) => void;
    readonly forget: (uid: string) => void;
    readonly changed: (pods: readonly Pod[]) => void;
  },
): StaticPods {
  const reports = new Map<PodSource, readonly Pod[]>();
  const known = Promise.withResolvers<void>();
  let current = new Map<string, Pod>();
  if (sources.length === 0) known.resolve();

  const merge = (): void => {
    const byName = new Map<string, Pod>();
    for (const source of sources)
      for (const pod of reports.get(source) ?? []) {
        const name = nameOf(pod);
        if (byName.has(name))
          ports.log.warn({ object: name, path: source.name }, "a static pod of this name is there already");
        else byName.set(name, pod);
      }
    const wanted = new Map([...byName.values()].map((pod) => [pod.metadata.uid ?? "", pod]));
    for (const uid of current.keys()) if (!wanted.has(uid)) ports.forget(uid);
    for (const [uid, pod] of wanted) if (!current.has(uid)) ports.put(structuredClone(pod));
    // What is unchanged keeps the moment at which it was first seen.
    current = new Map([...wanted].map(([uid, pod]) => [uid, current.get(uid) ?? pod]));
    ports.changed([...current.values()]);
    if (reports.size === sources.length) known.resolve();
  };

  return {
    known: known.promise,
    list: () => [...current.values()],
    async run(signal) {
      await Promise.all(
        sources.map((source) =>
          source.run((pods) => {
            reports.set(source, pods);
            merge();
          }, signal),
        ),
      );
    },
  };
}
