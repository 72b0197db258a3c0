// For each drill a recording of a cluster that kept its promises, and bugs of the product as they would show in it. What the judges make of
// them is tested in src/drills/planted.test.ts and stands as a table in the README.
import type { Drill } from "../src/drills/drill.ts";
import { clusterFaults } from "../src/faults/cluster/catalogue.ts";
import type { Recording, Strike } from "../src/recording.ts";
import { faultsOf } from "../src/run/preflight.ts";
import { probePromises } from "../src/run/probes.ts";
import { done, found, get, historyOf, put } from "./by-hand.ts";

export interface PlantedBug {
  readonly drill: string;
  readonly bug: string;
  /** The promises that must be found broken: these and no others. */
  readonly broken: readonly string[];
  readonly plant: (good: Recording) => Recording;
}

const [begin, struckAt, endMs] = [0, 10_000, 40_000];
const everyMs = 200;

/** A recording in which everything went well. */
export function goodRecording(drill: Drill): Recording {
  const [fault = "kill"] = faultsOf(drill);
  const actions = clusterFaults[fault].inject({ machine: "m3", daemon: "store" }, aTarget);
  const strikes = Array.from({ length: drill.strikes }, (_, index): Strike => {
    const at = struckAt + index * 10;
    const times = { at, healingAt: at + 100, healedAt: at + 200, recoverMs: 100 };
    return {
      ...{ number: index + 1, fault: clusterFaults[fault].name, aim: "m3", actions, ...times },
      ...(drill.detect === undefined ? {} : { detectMs: 50 }),
    };
  });
  const moments = Array.from({ length: (endMs - begin) / everyMs }, (_, index) => begin + index * everyMs);
  const writes: Recording["writes"] = moments.map((start, index) => ({
    ...{ id: index + 1, client: 1, verb: index === 0 ? "create" : "update", name: "w1-0", value: `1.${index}`, start },
    ...{ end: start + 10, outcome: { kind: "ok", resourceVersion: String(100 + index) } },
  }));
  const events = writes.map(({ verb, name, value, end }, index) => ({
    ...{ at: end, type: verb === "create" ? ("ADDED" as const) : ("MODIFIED" as const), name, value },
    resourceVersion: String(100 + index),
  }));
  const gone = drill.bounds.listsAnew === true;
  const resumes = strikes.map(({ at }) => ({ at: at + 150, from: "150", why: "the stream ended", gone }));
  const lease = (index: number) => ({
    ...{ at: index * 2000, lease: "kube-scheduler", holder: "m1_a", transitions: 0, durationSeconds: 15 },
    ...{ renewMs: index * 2000, acquireMs: 0, resourceVersion: String(1000 + index) },
  });
  const last = writes.at(-1);
  return {
    ...{ format: 1, id: "planted", drill: drill.id, seed: 1, command: "", versions: {} },
    target: { kind: "lab", name: "lab", machines: [] },
    loadAverage: { before: 0, after: 0 },
    phases: [{ name: "steady state", from: begin, to: struckAt }],
    strikes,
    failures: [],
    writes,
    watches: [{ id: 1, server: "m1", events, resumes, complete: true }],
    finalObjects: [{ name: "w1-0", value: last?.value ?? "", resourceVersion: String(99 + writes.length) }],
    leases: Array.from({ length: 20 }, (_, index) => lease(index)),
    storeLeaders: [],
    requests: moments.map((at) => ({ at, ms: 5, ok: true, client: "m4" })),
    containers: [instance(0, "m4", "u1", "start")],
    end: {
      convergedMs: 1000,
      missing: "",
      pods: [{ ...{ name: "drill-x/web-1", uid: "u1", node: "m4", phase: "Running", ready: true }, ...nothingMuch }],
      nodes: [{ name: "m4", cpuMilli: 1000, memory: 1000, pods: 10 }],
      workloads: [{ name: "deployment/web", wanted: 3, found: 3 }],
      containers: [{ machine: "m4", id: "c1", pod: "web-1", uid: "u1" }],
      unasked: [],
    },
    readiness: [{ at: struckAt + 50, ready: 3 }],
    probes: strikes.flatMap(({ number, at }) =>
      (drill.probes ?? []).map((name) => ({
        ...{ at, strike: number, promise: probePromises[name], kept: true, because: "as it should be" },
      })),
    ),
    store: drill.load.store ? { history: storeHistory("2"), beginning: 1, prefix: "k" } : undefined,
  };
}

export const plantedBugs: readonly PlantedBug[] = [
  {
    drill: "D-01",
    bug: "the store acknowledges before its disk has it, and a leader dies",
    broken: ["acknowledged API writes are kept, once"],
    plant: lastWriteLost,
  },
  {
    drill: "D-02",
    bug: "a leader that was paused answers a read without asking whether it still leads",
    broken: ["linearizability", "revisions"],
    plant: (good) => ({ ...good, store: { history: storeHistory("1"), beginning: 1, prefix: "k" } }),
  },
  {
    drill: "D-03",
    bug: "a leader without a majority acknowledges a write at a revision that the others give to another",
    broken: ["linearizability", "revisions"],
    plant: (good) => ({ ...good, store: { history: storeHistory("2", true), beginning: 1, prefix: "k" } }),
  },
  {
    drill: "D-04",
    bug: "an API server takes a resumed watch up from now on",
    broken: ["watches resume with no gap and no repetition"],
    plant: (good) => ({
      ...good,
      watches: good.watches.map((watch) => ({
        ...watch,
        events: watch.events.filter(({ at }) => at < struckAt + 300 || at > struckAt + 800),
      })),
    }),
  },
  {
    drill: "D-05",
    bug: "a scheduler takes the lease before its time",
    broken: ["one active leader"],
    plant: takenLease,
  },
  {
    drill: "D-05b",
    bug: "the other controller-managers do not look at the lease again",
    broken: ["time to detect"],
    plant: slowly("detectMs"),
  },
  {
    drill: "D-06",
    bug: "endpoints of a lost node stay",
    broken: ["requests to the service"],
    plant: (good) => ({
      ...good,
      requests: [...good.requests, { at: 200_000, ms: 5, ok: false, client: "m4", why: "timeout" }],
    }),
  },
  {
    drill: "D-07",
    bug: "an agent that is cut off does not fence its pods",
    broken: ["at most one running instance per StatefulSet ordinal"],
    plant: (good) => ({ ...good, containers: [...good.containers, instance(20_000, "m5", "u2", "start")] }),
  },
  {
    drill: "D-08",
    bug: "an agent starts its containers anew",
    broken: ["running containers are adopted"],
    plant: restarted,
  },
  {
    drill: "D-09",
    bug: "clients stay with the API server that is gone",
    broken: ["time to recover"],
    plant: slowly("recoverMs"),
  },
  {
    drill: "D-10",
    bug: "`store recover` does not move the revision on",
    broken: ["every watch is told to list anew"],
    plant: believing,
  },
  {
    drill: "D-11",
    bug: "the store stands still while a learner catches up",
    broken: ["write gap"],
    plant: (good) => ({
      ...good,
      writes: good.writes.map((write) =>
        write.end > struckAt && write.end < struckAt + 12_000
          ? { ...write, outcome: { kind: "unknown", reason: "no answer" } }
          : write,
      ),
    }),
  },
  { drill: "D-11", bug: "nobody promotes the learner", broken: ["time to recover"], plant: slowly("recoverMs") },
  {
    drill: "D-12",
    bug: "a restored store goes on at old revisions",
    broken: ["every watch is told to list anew"],
    plant: believing,
  },
  {
    drill: "D-12",
    bug: "a backup lacks what was acknowledged before it was begun",
    broken: ["acknowledged API writes are kept, once"],
    plant: lastWriteLost,
  },
  {
    drill: "D-13",
    bug: "a full store refuses deletes, too",
    broken: [probePromises["deletes-work"]],
    plant: unkept("deletes-work"),
  },
  {
    drill: "D-13",
    bug: "the alarm stays until somebody disarms it",
    broken: ["time to recover"],
    plant: slowly("recoverMs"),
  },
  {
    drill: "D-13b",
    bug: "a member acknowledges what its full disk did not take",
    broken: ["acknowledged API writes are kept, once"],
    plant: lastWriteLost,
  },
  {
    drill: "D-14",
    bug: "nobody complains before a certificate ends",
    broken: [probePromises["warns-of-certificates"]],
    plant: unkept("warns-of-certificates"),
  },
  {
    drill: "D-14",
    bug: "a daemon reads its certificate once",
    broken: ["time to recover"],
    plant: slowly("recoverMs"),
  },
  {
    drill: "D-14b",
    bug: "an API server that cannot reach one member asks no other",
    broken: ["requests to the service"],
    plant: (good) => ({
      ...good,
      requests: good.requests.map((each) => (each.at === struckAt ? { ...each, ok: false, why: "refused" } : each)),
    }),
  },
  {
    drill: "D-14c",
    bug: "an agent compares its clock with the API's and starts containers anew",
    broken: ["running containers are adopted"],
    plant: restarted,
  },
  {
    drill: "D-16",
    bug: "a proxy takes its own rules for granted",
    broken: ["time to recover"],
    plant: slowly("recoverMs"),
  },
  {
    drill: "D-16b",
    bug: "a proxy gives up when it did not get the lock in its time",
    broken: ["time to recover"],
    plant: slowly("recoverMs"),
  },
  {
    drill: "D-17",
    bug: "a pod is ended before it has left the endpoints everywhere",
    broken: ["requests to the service"],
    plant: (good) => ({
      ...good,
      requests: good.requests.map((each) => (each.at === struckAt ? { ...each, ok: false, why: "reset" } : each)),
    }),
  },
  {
    drill: "D-17",
    bug: "a rolling update does not ask the disruption budget",
    broken: ["disruption budget"],
    plant: (good) => ({ ...good, readiness: [{ at: struckAt + 5, ready: 1 }] }),
  },
  { drill: "D-20", bug: "the cluster does not come to rest", broken: ["convergence"], plant: restless },
];

/** The table in the README. */
export function plantedTable(): string {
  const rows = plantedBugs.map(({ drill, bug, broken }) => `| ${drill} | ${bug} | failed: ${broken.join("; ")} |`);
  return ["| drill | planted bug | verdict |", "|---|---|---|", ...rows].join("\n");
}

const nothingMuch = { restarts: 0, cpuMilli: 10, memory: 10 };

const aTarget = {
  machines: ["m1", "m2", "m3"].map((name) => ({ name, address: "", master: true, worker: true })),
};

const instance = (
  at: number,
  machine: string,
  uid: string,
  event: "start" | "die",
): Recording["containers"][number] => ({
  ...{ at, machine, id: `${machine}-${uid}`, pod: "once-0", uid, container: "web", event },
});

/** Two writes and what a later read finds; `twice`: somebody else was told that another write is at the second one's revision. */
function storeHistory(read: "1" | "2", twice = false) {
  const { operations } = historyOf(
    ["|-|             ", put("k/a", "1"), done(2)],
    ["    |-|         ", put("k/a", "2"), done(3)],
    ["        |-|     ", get("k/a"), read === "2" ? found(3, "k/a", "2", 3, 2, 2) : found(2, "k/a", "1", 2)],
    ...(twice ? ([["        |-|     ", put("k/a", "9"), done(3)]] as const) : []),
  );
  const kv = { key: "k/a", createRevision: 2 };
  const seen = [
    { type: "put" as const, kv: { ...kv, value: "1", modRevision: 2, version: 1 } },
    { type: "put" as const, kv: { ...kv, value: "2", modRevision: 3, version: 2 } },
  ];
  const responses = [
    { at: 20_000, revision: 1, created: true, events: [] },
    { at: 20_001, revision: 3, created: false, events: seen },
    { at: 20_002, revision: 3, created: false, events: [] },
  ];
  const request = { key: "k", rangeEnd: "l", startRevision: 2 };
  return { operations, watches: [{ id: 1, client: 9, start: 0, request, responses }] };
}

function lastWriteLost(good: Recording): Recording {
  const before = good.writes.at(-2);
  return {
    ...good,
    finalObjects: [{ name: "w1-0", value: before?.value ?? "", resourceVersion: String(98 + good.writes.length) }],
  };
}

function slowly(which: "detectMs" | "recoverMs"): PlantedBug["plant"] {
  return (good) => ({ ...good, strikes: good.strikes.map((strike) => ({ ...strike, [which]: 900_000 })) });
}

function unkept(name: keyof typeof probePromises): PlantedBug["plant"] {
  const promise = probePromises[name];
  return (good) => ({
    ...good,
    probes: (good.probes ?? []).map((each) =>
      each.promise === promise ? { ...each, kept: false, because: "it does not" } : each,
    ),
  });
}

function restarted(good: Recording): Recording {
  const { end } = good;
  if (end === undefined) throw new Error("a good recording has an end");
  return { ...good, end: { ...end, pods: end.pods.map((pod) => ({ ...pod, restarts: 1 })) } };
}

function restless(good: Recording): Recording {
  const { end } = good;
  if (end === undefined) throw new Error("a good recording has an end");
  return { ...good, end: { ...end, convergedMs: undefined, missing: "a pod is not ready" } };
}

function believing(good: Recording): Recording {
  const told = (watch: Recording["watches"][number]) => ({
    ...watch,
    resumes: watch.resumes.map((resume) => ({ ...resume, gone: false })),
  });
  return { ...good, watches: good.watches.map(told) };
}

function takenLease(good: Recording): Recording {
  const at = 39_000;
  const thief = { holder: "m2_b", transitions: 1, renewMs: at, acquireMs: at, at, resourceVersion: "2000" };
  const [first] = good.leases;
  if (first === undefined) throw new Error("a good recording has leases");
  return { ...good, leases: [...good.leases, { ...first, ...thief }] };
}
