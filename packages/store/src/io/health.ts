// What the client port says of this member's health, in etcd's words: `/health` for load balancers, `/livez` and `/readyz` with a path
// for each check. A check answers with what is wrong, or nothing.
import type { Alarms } from "../core/alarms.ts";
import { isRaised } from "../core/alarms.ts";
import type { Served } from "./rpc/ports.ts";

export type HealthView = Pick<Served, "alarms" | "status" | "linearize" | "isLearner">;

type Check = (view: HealthView) => string | undefined | Promise<string | undefined>;

const dataCorruption: Check = (view) => (isRaised(view.alarms(), "CORRUPT") ? "alarm activated: CORRUPT" : undefined);
/** The state here is readable whenever this is asked at all. */
const serializableRead: Check = () => undefined;
const linearizableRead: Check = (view) =>
  view.linearize().then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
const nonLearner: Check = (view) => (view.isLearner() ? "not supported for learner" : undefined);

const checks: Readonly<Record<"livez" | "readyz", Readonly<Record<string, Check>>>> = {
  livez: { serializable_read: serializableRead },
  readyz: {
    data_corruption: dataCorruption,
    serializable_read: serializableRead,
    linearizable_read: linearizableRead,
    non_learner: nonLearner,
  },
};

export interface HealthAnswer {
  readonly healthy: boolean;
  readonly text: string;
}

/** `/livez`, `/readyz`, or one check below them; undefined where there is none. */
export async function runChecks(
  view: HealthView,
  kind: "livez" | "readyz",
  only: string | undefined,
  query: URLSearchParams,
): Promise<HealthAnswer | undefined> {
  const excluded = query.getAll("exclude");
  const wanted = Object.entries(checks[kind]).filter(([name]) =>
    only === undefined ? !excluded.includes(name) : name === only,
  );
  if (only !== undefined && wanted.length === 0) return undefined;
  let healthy = true;
  let lines = "";
  for (const [name, check] of wanted) {
    const fault = await check(view);
    if (fault !== undefined) healthy = false;
    lines += fault === undefined ? `[+]${name} ok\n` : `[-]${name} failed: ${fault}\n`;
  }
  if (!healthy) return { healthy, text: `${lines}\n` };
  return { healthy, text: `${query.has("verbose") ? lines : ""}ok\n` };
}

/** `/health`: why it is not well; empty when it is. With `serializable=true`, reads of the local state are enough. */
export async function healthProblem(view: HealthView, query: URLSearchParams): Promise<string> {
  const excluded = query.getAll("exclude");
  const alarms: Alarms = view.alarms().filter(({ alarm }) => !excluded.includes(alarm));
  if (alarms[0]) return `ALARM ${alarms[0].alarm}`;
  if (query.get("serializable") === "true") return "";
  if (view.status().leader === undefined) return "RAFT NO LEADER";
  const fault = await linearizableRead(view);
  return fault === undefined ? "" : `RANGE ERROR:${fault}`;
}
