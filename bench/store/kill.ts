// How long nobody can write when the leader dies (SIGKILL) or falls silent (SIGSTOP), and how long the unluckiest write waits. Writers sit
// at the two others, one after the other's answer; the gap ends with the first write that either of them gets through.
import { systemClock } from "@coxswain/clock";
import { createEtcdClient } from "@coxswain/etcd-api";
import type { EtcdClient } from "@coxswain/etcd-api";
import { leaderOf } from "./systems.ts";
import type { System } from "./systems.ts";

export interface Gap {
  readonly gapMs: number;
  /** The longest any single write waited for its answer, good or bad. */
  readonly longestWaitMs: number;
}

export async function measureGap(system: System, how: "SIGKILL" | "SIGSTOP"): Promise<Gap> {
  const leader = await leaderOf(system);
  const others = system.members.filter((member) => member !== leader);
  const clients = others.map(({ endpoint }) =>
    createEtcdClient({ endpoints: [endpoint], timeoutMs: 20_000 }, { clock: systemClock }),
  );
  const state = { writing: true, killedAt: Number.POSITIVE_INFINITY, firstAt: Number.POSITIVE_INFINITY, longestMs: 0 };
  const through = Promise.withResolvers<void>();
  const writers = clients.map((client) => write(client, state, through.resolve));
  await systemClock.sleep(500);
  state.longestMs = 0;
  state.killedAt = performance.now();
  leader.signal(how);
  await through.promise;
  await systemClock.sleep(1500);
  state.writing = false;
  await Promise.all(writers);
  for (const client of clients) client.close();
  if (how === "SIGSTOP") leader.signal("SIGCONT");
  else {
    await leader.kill();
    await leader.restart();
  }
  await systemClock.sleep(1000);
  return { gapMs: state.firstAt - state.killedAt, longestWaitMs: state.longestMs };
}

async function write(
  client: EtcdClient,
  state: { writing: boolean; readonly killedAt: number; firstAt: number; longestMs: number },
  through: () => void,
): Promise<void> {
  while (state.writing) {
    const sentAt = performance.now();
    const done = await client.kv.put({ key: "gap", value: "x" }).then(
      () => true,
      () => false,
    );
    const now = performance.now();
    state.longestMs = Math.max(state.longestMs, now - sentAt);
    if (!done) await systemClock.sleep(5);
    // A write that was sent before the kill may have been answered by the old leader.
    else if (sentAt > state.killedAt && state.firstAt > now) {
      state.firstAt = now;
      through();
    }
  }
}
