// Everything the pods of a workload wrote, as far as it is kept: of living pods each attempt, and of pods that are gone what their nodes
// have put aside. Lines carry the time at which they were written.
import { labelSelectorMatcher } from "@coxswain/apimachinery";
import type { Query } from "@coxswain/client";
import { list, num, part, str } from "../describe/page.ts";
import { CommandError } from "../failure.ts";
import type { Session } from "../session.ts";
import { getObject, isNotFound, listObjects } from "./api.ts";
import type { Obj } from "./api.ts";
import { parseTargets } from "./builder.ts";
import type { Descriptor } from "./mapper.ts";
import { selectorOf } from "./pods-of.ts";

export interface LoggedLine {
  /** RFC 3339 with nanoseconds, as the node wrote it. */
  readonly time: string;
  readonly pod: string;
  readonly container: string;
  readonly attempt: number;
  readonly text: string;
}

interface Kept {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly container: string;
  readonly attempt: number;
  readonly endedAtMs: number;
}

export interface KeptQuery {
  readonly container: string;
  /** RFC 3339; earlier lines are left out. */
  readonly since: string | undefined;
}

export interface KeptLogs {
  /** By time. */
  readonly lines: readonly LoggedLine[];
  /** Nodes that could not be asked. */
  readonly silent: readonly string[];
}

/** Kubernetes' alphabet for drawn names: no vowels, nothing that looks like another. */
const drawn = "[bcdfghjklmnpqrstvwxz2456789]";

/** How the pods of a workload are called, also those that are gone; undefined for kinds that have none. */
export function podNames(kind: string, name: string): RegExp | undefined {
  const own = name.replace(/[.]/g, "\\.");
  switch (kind) {
    case "Deployment":
      return new RegExp(`^${own}-${drawn}{1,10}-${drawn}{5}$`);
    case "StatefulSet":
      return new RegExp(`^${own}-\\d+$`);
    case "ReplicaSet":
    case "ReplicationController":
    case "DaemonSet":
    case "Job":
      return new RegExp(`^${own}-(\\d+-)?${drawn}{5}$`);
    case "CronJob":
      return new RegExp(`^${own}-\\d+-(\\d+-)?${drawn}{5}$`);
    case "Pod":
      return new RegExp(`^${own}$`);
    default:
      return undefined;
  }
}

/** A workload, and how to tell its pods: by its selector while it is there, by how they are called afterwards. */
export interface Workload {
  readonly names: RegExp;
  readonly isOf: (pod: Obj) => boolean;
}

/** `target` is TYPE/NAME or a pod's name. Throws for kinds that have no pods. */
export async function findWorkload(session: Session, target: string): Promise<Workload> {
  const [found] = await parseTargets(await session.mapper(), [target], "pods");
  const name = found?.names[0] ?? "";
  if (found === undefined) throw new CommandError("--all-of takes a workload or a pod");
  const names = podNames(found.descriptor.kind, name);
  if (names === undefined)
    throw new CommandError(`--all-of takes a workload or a pod, and ${found.descriptor.resource} are neither`);
  return { names, isOf: await recognizer(session, found.descriptor, name, names) };
}

export async function readKeptLogs(session: Session, { names, isOf }: Workload, query: KeptQuery): Promise<KeptLogs> {
  const mapper = await session.mapper();
  const pods = (await listObjects(session, await mapper.find("pods"), session.namespace)).items;
  const living = new Set<string>();
  const lines: LoggedLine[] = [];
  for (const pod of pods.filter(isOf)) {
    const found = await livingLines(session, pod, query.container);
    // Gone since it was listed: its node has put its lines aside.
    if (found === undefined) continue;
    living.add(pod.metadata.name);
    lines.push(...found);
  }
  const gone = await goneLines(session, (pod) => names.test(pod) && !living.has(pod), query.container);
  const from = query.since ?? "";
  return { lines: [...lines, ...gone.lines].filter(({ time }) => time >= from).toSorted(byTime), silent: gone.silent };
}

export const byTime = (left: LoggedLine, right: LoggedLine): number =>
  left.time < right.time ? -1 : left.time > right.time ? 1 : 0;

/**
 * What nodes, or the one that is named, have put aside of pods that are gone, of the newest of each name; of one container, or of all when that is
 * "". In no order.
 */
export async function goneLines(
  session: Session,
  isWanted: (pod: string) => boolean,
  container: string,
  node?: string,
): Promise<KeptLogs> {
  const nodes =
    node === undefined
      ? (await listObjects(session, await (await session.mapper()).find("nodes"), undefined)).items.map(
          ({ metadata }) => metadata.name,
        )
      : [node];
  const lines: LoggedLine[] = [];
  const silent: string[] = [];
  for (const name of nodes) {
    const proxy = `/api/v1/nodes/${name}/proxy`;
    const answer = await session.client.request({
      method: "GET",
      path: `${proxy}/retainedLogs`,
      signal: session.signal,
    });
    if (answer.status !== 200) {
      silent.push(name);
      continue;
    }
    const { items } = answer.json() as { readonly items: readonly Kept[] };
    const wanted = items.filter(
      (each) => each.namespace === session.namespace && isWanted(each.pod) && ["", each.container].includes(container),
    );
    for (const each of newestFirst(wanted)) {
      const path = `${proxy}/containerLogs/${each.namespace}/${each.pod}/${each.container}`;
      lines.push(...((await readLines(session, path, each.depth, each)).lines ?? []));
    }
  }
  return { lines, silent };
}

async function recognizer(
  session: Session,
  descriptor: Descriptor,
  name: string,
  names: RegExp,
): Promise<(pod: Obj) => boolean> {
  const byName = ({ metadata }: Obj): boolean => names.test(metadata.name);
  if (descriptor.kind === "Pod" || descriptor.kind === "CronJob") return byName;
  try {
    const selector = selectorOf(await getObject(session, descriptor, session.namespace, name));
    const matches = labelSelectorMatcher(selector ?? {});
    return ({ metadata }) => matches.matches(metadata.labels ?? {});
  } catch (error) {
    // The workload itself may be gone; what its pods wrote is still there.
    if (isNotFound(error)) return byName;
    throw error;
  }
}

/**
 * All attempts of a living pod, back to the first that its node has forgotten; of one container, or of all when that is "".
 * `since`, an RFC 3339 time, leaves out what is older than its second. Undefined when the pod has gone meanwhile.
 */
export async function livingLines(
  session: Session,
  pod: Obj,
  only: string,
  since?: string,
): Promise<LoggedLine[] | undefined> {
  const [spec, status] = [part(pod["spec"]), part(pod["status"])];
  const { name, namespace } = pod.metadata;
  const node = str(spec["nodeName"]);
  if (node === "") return [];
  const lines: LoggedLine[] = [];
  const sorts = ["initContainer", "container", "ephemeralContainer"];
  const statuses = sorts.flatMap((sort) => list(status[`${sort}Statuses`]));
  for (const each of sorts.flatMap((sort) => list(spec[`${sort}s`]))) {
    const container = str(each["name"]);
    if (only !== "" && only !== container) continue;
    const restarts = num(statuses.find((one) => one["name"] === container)?.["restartCount"]);
    for (let depth = 0; depth <= restarts; depth += 1) {
      // Further back than one attempt is an offer of our own nodes.
      const path =
        depth < 2
          ? `/api/v1/namespaces/${namespace}/pods/${name}/log?container=${container}`
          : `/api/v1/nodes/${node}/proxy/containerLogs/${namespace}/${name}/${container}`;
      const of = { pod: name, container, attempt: restarts - depth };
      const found = await readLines(session, path, depth, of, since);
      if (found.status === 404 && depth === 0) return undefined;
      if (found.lines === undefined && depth > 0) break;
      lines.push(...(found.lines ?? []));
    }
  }
  return lines;
}

/** Of each container of the newest pod of a name: how far back each attempt is. */
function newestFirst(kept: readonly Kept[]): readonly (Kept & { readonly depth: number })[] {
  const newest = new Map<string, string>();
  const depths = new Map<string, number>();
  return kept
    .toSorted((left, right) => right.endedAtMs - left.endedAtMs)
    .flatMap((each) => {
      if ((newest.get(each.pod) ?? each.podUid) !== each.podUid) return [];
      newest.set(each.pod, each.podUid);
      const key = `${each.pod}/${each.container}`;
      const depth = depths.get(key) ?? 0;
      depths.set(key, depth + 1);
      return [{ ...each, depth }];
    });
}

/** Without lines where there is no such log; 404 where there is no such pod. */
async function readLines(
  session: Session,
  path: string,
  depth: number,
  of: { readonly pod: string; readonly container: string; readonly attempt: number },
  since?: string,
): Promise<{ readonly status: number; readonly lines?: LoggedLine[] }> {
  const [bare = "", search = ""] = path.split("?");
  const query: Query = { timestamps: true, sinceTime: since, ...Object.fromEntries(new URLSearchParams(search)) };
  const previous = depth === 0 ? undefined : depth === 1 ? true : depth;
  const answer = await session.client.request({
    method: "GET",
    path: bare,
    query: { ...query, previous },
    accept: "*/*",
    signal: session.signal,
  });
  if (answer.status !== 200) return { status: answer.status };
  const written = answer
    .text()
    .split("\n")
    .filter((line) => line !== "");
  return { status: 200, lines: written.map((line) => ({ ...of, ...timed(line) })) };
}

/** A line as nodes give it when they are asked for times. */
export function timed(line: string): Pick<LoggedLine, "time" | "text"> {
  const space = line.indexOf(" ");
  return { time: line.slice(0, space), text: line.slice(space + 1) };
}
