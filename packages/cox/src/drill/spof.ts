// `cox drill spof`: takes away every process and every machine, one at a time, and looks from outside how long the API and the demo's
// service were gone. The table says what is a single point of failure.
import type { Action, DaemonName, Target } from "@coxswain/drill";
import { describeAction, undoAll, unwell } from "@coxswain/drill";
import { CommandError, ExitError } from "../failure.ts";
import type { Session } from "../session.ts";
import { openTarget } from "./target.ts";
import type { TargetConfig } from "./target.ts";

const controlPlane: readonly DaemonName[] = ["store", "apiserver", "scheduler", "controller-manager"];
const node: readonly DaemonName[] = ["node-agent", "proxy", "dns"];
const machineHoldMs = 8000;
const settleMs = 120_000;
/** Longer without an answer counts as an outage. */
const outageMs = 5000;

interface Outcome {
  readonly what: string;
  readonly apiGapMs: number;
  readonly wholeMs: number | undefined;
}

export async function spof(
  { target: config, consent }: { readonly target: TargetConfig; readonly consent: string | undefined },
  session: Session,
): Promise<void> {
  const target = openTarget(config, session.clock);
  if (target.kind !== "lab" && consent !== target.name)
    throw new CommandError(
      `error: this breaks the cluster "${target.name}" for real; --yes-break ${target.name} says that you mean it`,
    );
  const client = target.client();
  const ill = await unwell(target, client);
  await client.close();
  if (ill.length > 0) throw new CommandError(`error: the cluster is not well to begin with: ${ill.join("; ")}`);
  const strikes: readonly Action[] = [
    ...target.machines.flatMap(({ name, master, worker }) => [
      ...(master ? controlPlane.map((daemon): Action => ({ act: "kill", machine: name, daemon })) : []),
      ...(worker ? node.map((daemon): Action => ({ act: "kill", machine: name, daemon })) : []),
    ]),
    ...(target.unable("power-off") === undefined
      ? target.machines.map(({ name }): Action => ({ act: "power-off", machine: name }))
      : []),
  ];
  const { out } = session;
  out.write(`${"WHAT IS TAKEN AWAY".padEnd(38)}${"API GONE FOR".padEnd(16)}WHOLE AGAIN AFTER\n`);
  const outcomes: Outcome[] = [];
  for (const strike of strikes) {
    const outcome = await take(strike, target, session);
    outcomes.push(outcome);
    const bad = outcome.wholeMs === undefined || outcome.apiGapMs > outageMs;
    out.write(
      `${outcome.what.padEnd(38)}${`${(outcome.apiGapMs / 1000).toFixed(1)} s`.padEnd(16)}${outcome.wholeMs === undefined ? "never" : `${(outcome.wholeMs / 1000).toFixed(1)} s`}${bad ? "  ← single point of failure" : ""}\n`,
    );
    if (outcome.wholeMs === undefined) break;
  }
  if (outcomes.some(({ wholeMs, apiGapMs }) => wholeMs === undefined || apiGapMs > outageMs)) throw new ExitError(1);
}

async function take(strike: Action, target: Target, { clock, signal }: Session): Promise<Outcome> {
  const probing = new AbortController();
  const client = target.client();
  let last = clock.now();
  let apiGapMs = 0;
  const probe = (async () => {
    while (!probing.signal.aborted) {
      const answered = await client
        .request({ method: "GET", path: "/api/v1/namespaces/default", signal: AbortSignal.timeout(2000) })
        .then(
          ({ status }) => status === 200,
          () => false,
        );
      if (answered) {
        apiGapMs = Math.max(apiGapMs, clock.now() - last);
        last = clock.now();
      }
      await clock.sleep(50);
    }
  })();
  const at = clock.now();
  let wholeMs: number | undefined;
  try {
    await target.perform(strike);
    if (strike.act === "power-off") await clock.sleep(machineHoldMs, signal);
  } finally {
    for (const undo of undoAll([strike])) await target.perform(undo);
  }
  const healedAt = strike.act === "power-off" ? clock.now() : at;
  while (wholeMs === undefined && clock.now() - healedAt < settleMs) {
    await clock.sleep(500);
    if ((await unwell(target, client)).length === 0) wholeMs = clock.now() - healedAt;
  }
  probing.abort();
  await probe;
  apiGapMs = Math.max(apiGapMs, clock.now() - last);
  await client.close();
  return { what: describeAction(strike), apiGapMs, wholeMs };
}
