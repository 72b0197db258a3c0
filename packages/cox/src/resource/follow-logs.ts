// What the pods of a workload write from now on: of those that are there, of those that come, of every attempt of each container.
// Lines come as they arrive; of one container they come in order, each once.
import { num, part, str, list } from "../describe/page.ts";
import type { Session } from "../session.ts";
import { getObject, isNotFound, listObjects, pathOf } from "./api.ts";
import type { Obj } from "./api.ts";
import { eventsOf } from "./events-of.ts";
import { byTime, goneLines, livingLines, timed } from "./kept-logs.ts";
import type { LoggedLine, Workload } from "./kept-logs.ts";
import { linesOf } from "./lines-of.ts";

/** A stream that ends while its container runs on (its node's agent was restarted) is asked for again after this. */
const againMs = 1000;

export interface FollowQuery {
  /** "" for all. */
  readonly container: string;
  /** What has been told already. */
  readonly told: readonly LoggedLine[];
  /** RFC 3339; earlier lines are left out. */
  readonly since: string | undefined;
}

/** Ends by the session's signal, or when the API server fails; a node that fails is told on stderr and asked again. */
export async function followLogs(
  session: Session,
  workload: Pick<Workload, "isOf">,
  query: FollowQuery,
  tell: (line: LoggedLine) => Promise<void>,
): Promise<void> {
  const failure = Promise.withResolvers<never>();
  const memory = createMemory(query);
  const once = async (line: LoggedLine): Promise<void> => {
    if (memory.isNew(line)) await tell(line);
  };
  const followed = new Map<string, string>();
  const turns = new Map<string, Promise<void>>();
  const consider = (pod: Obj): void => {
    if (!workload.isOf(pod)) return;
    for (const { container, id, attempt } of startedIn(pod)) {
      const place = `${pod.metadata.uid ?? ""}/${container}`;
      if (!["", container].includes(query.container) || followed.get(place) === id) continue;
      followed.set(place, id);
      const before = turns.get(place) ?? Promise.resolve();
      const turn = before.then(() => followOne(session, { pod, container, id, attempt }, memory.last, once));
      turns.set(place, turn);
      turn.catch(failure.reject);
    }
  };
  await Promise.race([failure.promise, watchPods(session, consider)]);
}

interface Attempt {
  readonly pod: Obj;
  readonly container: string;
  readonly id: string;
  readonly attempt: number;
}

/** Containers that have begun, with the engine's id of their newest attempt. */
const statusesOf = ({ status }: Obj): ReturnType<typeof list> =>
  ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"].flatMap((field) =>
    list(part(status)[field]),
  );

const startedIn = (pod: Obj): readonly Pick<Attempt, "container" | "id" | "attempt">[] =>
  statusesOf(pod)
    .filter(({ state }) => part(state)["running"] !== undefined || part(state)["terminated"] !== undefined)
    .map((each) => ({
      container: str(each["name"]),
      id: str(each["containerID"]),
      attempt: num(each["restartCount"]),
    }));

async function watchPods(session: Session, consider: (pod: Obj) => void): Promise<never> {
  const pods = await (await session.mapper()).find("pods");
  for (;;) {
    const found = await listObjects(session, pods, session.namespace);
    found.items.forEach(consider);
    const { body } = await session.client.stream({
      method: "GET",
      path: pathOf(pods, session.namespace),
      query: { watch: true, resourceVersion: found.metadata.resourceVersion },
      signal: session.signal,
    });
    for await (const event of eventsOf<Obj>(body)) {
      if (event.type === "ERROR") break;
      if (event.type === "ADDED" || event.type === "MODIFIED") consider(event.object);
    }
    session.signal.throwIfAborted();
  }
}

async function followOne(
  session: Session,
  of: Attempt,
  last: (pod: string, container: string) => string | undefined,
  tell: (line: LoggedLine) => Promise<void>,
): Promise<void> {
  const { pod, container, id, attempt } = of;
  const { name, namespace = "" } = pod.metadata;
  const pods = await (await session.mapper()).find("pods");
  const stream = async (): Promise<void> => {
    const { body } = await session.client.stream({
      method: "GET",
      path: pathOf(pods, namespace, name, "log"),
      query: { container, follow: true, timestamps: true, sinceTime: last(name, container) },
      accept: "*/*",
      signal: session.signal,
    });
    for await (const lines of linesOf(body))
      for (const line of lines)
        await tell({ pod: name, container, attempt, ...timed(line.toString("utf8").replace(/\n$/, "")) });
  };
  /** Attempts may have come and gone since the last line, and a stream that was cut has left some unsaid. False when the pod has gone. */
  const catchUp = async (now: Obj): Promise<boolean> => {
    const lines = await livingLines(session, now, container, last(name, container));
    for (const line of lines?.toSorted(byTime) ?? []) await tell(line);
    return lines !== undefined;
  };
  const whileThere = async (): Promise<boolean> => {
    for (let now = pod; ; now = await getObject(session, pods, namespace, name)) {
      if (!(await catchUp(now))) return false;
      if (!isRunning(now, id)) return true;
      if (now !== pod) await session.clock.sleep(againMs, session.signal);
      await stream().catch((error: unknown) => {
        if (session.signal.aborted || isNotFound(error)) throw error;
        session.err.write(`pod/${name}/${container}: ${(error as Error).message}\n`);
      });
    }
  };
  const isTold = await whileThere().catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
    return false;
  });
  if (isTold) return;
  // What it wrote while nobody listened, between two streams or before the first, was put aside by its node.
  const gone = await goneLines(session, (one) => one === name, container, str(part(pod["spec"])["nodeName"]));
  for (const line of gone.lines.toSorted(byTime)) await tell(line);
}

const isRunning = (pod: Obj, id: string): boolean =>
  statusesOf(pod).some((each) => each["containerID"] === id && part(each["state"])["running"] !== undefined);

/** Servers look back to whole seconds only, so what is asked for anew begins with what was told already. */
function createMemory({ told, since }: Pick<FollowQuery, "told" | "since">) {
  const latest = new Map<string, { time: string; readonly texts: Set<string> }>();
  const isNew = ({ pod, container, time, text }: LoggedLine): boolean => {
    const place = `${pod}/${container}`;
    const known = latest.get(place);
    if (since !== undefined && time < since) return false;
    if (known !== undefined && (time < known.time || (time === known.time && known.texts.has(text)))) return false;
    if (known?.time === time) known.texts.add(text);
    else latest.set(place, { time, texts: new Set([text]) });
    return true;
  };
  for (const line of told) isNew(line);
  return { isNew, last: (pod: string, container: string) => latest.get(`${pod}/${container}`)?.time ?? since };
}
