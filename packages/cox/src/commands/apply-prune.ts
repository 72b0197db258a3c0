// `apply --prune`: deletes what an earlier apply made and this one did not name, of the kinds kubectl prunes.
import type { Args } from "../args/flags.ts";
import { CommandError, throwAll } from "../failure.ts";
import { isNotFound, listObjects } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import type { Info } from "../resource/builder.ts";
import { lastAppliedAnnotation } from "../resource/last-applied.ts";
import { kindName } from "../resource/mapper.ts";
import type { Descriptor } from "../resource/mapper.ts";
import type { DryRun } from "../resource/report.ts";
import { waitUntilGone } from "../resource/wait-gone.ts";
import type { Session } from "../session.ts";
import { cascadeOf, deleteOne } from "./delete.ts";

const allowed: readonly [apiVersion: string, kind: string][] = [
  ["v1", "ConfigMap"],
  ["v1", "Endpoints"],
  ["v1", "Namespace"],
  ["v1", "PersistentVolumeClaim"],
  ["v1", "PersistentVolume"],
  ["v1", "Pod"],
  ["v1", "ReplicationController"],
  ["v1", "Secret"],
  ["v1", "Service"],
  ["batch/v1", "Job"],
  ["batch/v1", "CronJob"],
  ["networking.k8s.io/v1", "Ingress"],
  ["apps/v1", "DaemonSet"],
  ["apps/v1", "Deployment"],
  ["apps/v1", "ReplicaSet"],
  ["apps/v1", "StatefulSet"],
];

interface Doomed {
  readonly descriptor: Descriptor;
  readonly object: Obj;
}

/** What prune would delete, kinds in namespaces first. */
export async function toPrune(session: Session, args: Args, kept: readonly Obj[]): Promise<readonly Doomed[]> {
  const doomed: Doomed[] = [];
  const uids = new Set(kept.map((object) => object.metadata.uid));
  const namespaces = new Set(kept.map((object) => object.metadata.namespace).filter((name) => name !== undefined));
  if (namespaces.size === 0) namespaces.add(session.namespace);
  for (const descriptor of await kindsToPrune(session, args)) {
    for (const namespace of descriptor.namespaced ? namespaces : [undefined]) {
      const list = await listObjects(session, descriptor, namespace, { labelSelector: args.text("selector") });
      for (const object of list.items) {
        if (object.metadata.annotations?.[lastAppliedAnnotation] !== undefined && !uids.has(object.metadata.uid))
          doomed.push({ descriptor, object });
      }
    }
  }
  return doomed;
}

export async function prune(session: Session, args: Args, kept: readonly Obj[], dryRun: DryRun): Promise<void> {
  const cascade = cascadeOf(args);
  const pruned: Info[] = [];
  for (const { descriptor, object } of await toPrune(session, args, kept)) {
    const info = { descriptor, namespace: object.metadata.namespace, name: object.metadata.name, object, source: "" };
    if (dryRun !== "client")
      await deleteOne(session, info, { dryRun, gracePeriod: args.number("grace-period"), cascade }).catch(
        (error: unknown) => {
          if (!isNotFound(error)) throw error;
        },
      );
    pruned.push(info);
    const suffix = dryRun === "client" ? " (dry run)" : dryRun === "server" ? " (server dry run)" : "";
    if (args.text("output") === "" || args.text("output") === "name")
      session.out.write(
        `${kindName(descriptor)}/${info.name}${args.text("output") === "name" ? "" : ` pruned${suffix}`}\n`,
      );
  }
  if (args.flag("wait") && dryRun === "none") throwAll(await waitUntilGone(session, pruned, args.duration("timeout")));
}

async function kindsToPrune(session: Session, args: Args): Promise<Descriptor[]> {
  const list = args.list("prune-allowlist");
  const kinds =
    list.length === 0
      ? allowed
      : list.map((entry): [string, string] => {
          const [group = "", version = "", kind = "", ...more] = entry.split("/");
          if (kind === "" || more.length > 0)
            throw new CommandError(`invalid GroupVersionKind format: ${entry}, please follow <group/version/kind>`);
          return [group === "core" || group === "" ? version : `${group}/${version}`, kind];
        });
  const mapper = await session.mapper();
  const found: Descriptor[] = [];
  for (const [apiVersion, kind] of kinds) found.push(await mapper.ofObject({ apiVersion, kind }));
  return found.toSorted((left, right) => Number(right.namespaced) - Number(left.namespaced));
}
