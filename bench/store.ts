// Our store beside Debian's etcd, in one run on one disk, with the same client: see bench/store. Without words it is the short form of
// less than a minute; with words the long forms: `npm run bench -- store full`, `… store kill`, `… store million`.
import { summarize } from "./bench.ts";
import type { Figure, StandaloneBenchmark } from "./bench.ts";
import { compare, load, ratioFigures } from "./store/compare.ts";
import type { Case } from "./store/compare.ts";
import { measureGap } from "./store/kill.ts";
import { startSystem, systemNames } from "./store/systems.ts";
import type { System, SystemName } from "./store/systems.ts";

type Say = (text: string) => void;

export const benchmark: StandaloneBenchmark = {
  summary: "our store and etcd side by side (words: quick, full, kill, million)",
  async measure(say, [word = "quick"]) {
    switch (word) {
      case "quick":
        return [
          ...(await rates(1, quickCases, { rounds: 1, seconds: 1.5, say })),
          ...(await rates(3, quickCases.slice(0, 3), { rounds: 1, seconds: 1.5, say })),
          ...(await rates(1, watchCases, { rounds: 1, seconds: 3, say })),
        ];
      case "full":
        return [
          ...(await rates(1, fullCases, { rounds: 5, seconds: 3, say })),
          ...(await rates(3, [...fullCases, followerCase], { rounds: 5, seconds: 3, say })),
          ...(await rates(1, watchCases, { rounds: 5, seconds: 5, say })),
        ];
      case "kill":
        return await gaps(20, 5, say);
      case "million":
        return await million(1_000_000, say);
      default:
        throw new Error(`expected quick, full, kill or million, found ${word}`);
    }
  },
};

const keys = 10_000;
const rate = (kind: Case["job"]["kind"], clients: number, valueBytes: number): Case => ({
  name: `${kind} ${valueBytes} B × ${clients}`,
  measure: "rate",
  job: { kind, clients, valueBytes, keys },
});
const quickCases: readonly Case[] = [
  ...[1, 64, 256].map((clients) => rate("put", clients, 256)),
  rate("put", 64, 1024),
  rate("range", 64, 256),
  rate("serializable", 64, 256),
];
const fullCases: readonly Case[] = [
  ...[256, 1024].flatMap((bytes) => [1, 64, 256].map((clients) => rate("put", clients, bytes))),
  ...[1, 64, 256].map((clients) => rate("range", clients, 256)),
  ...[1, 64, 256].map((clients) => rate("serializable", clients, 256)),
];
const followerCase: Case = { ...rate("put", 1, 256), name: "put 256 B × 1 at a follower", atFollower: true };
const watchCases: readonly Case[] = [
  {
    name: "1000 watchers × 100 events/s, p99 of delivery",
    measure: "p99",
    job: { kind: "watch", clients: 1000, valueBytes: 256, keys: 1 },
  },
];

async function rates(
  members: number,
  cases: readonly Case[],
  options: { rounds: number; seconds: number; say: Say },
): Promise<readonly Figure[]> {
  options.say(`${members} member${members > 1 ? "s" : ""}`);
  await using ours = await startSystem("ours", members);
  await using etcd = await startSystem("etcd", members);
  const figures = await compare(cases, { ours, etcd }, options);
  const suffix = members > 1 ? ` (${members} members)` : "";
  const memory = [ours, etcd].map((system): Figure => ({
    name: `memory afterwards, ${system.name}${suffix}`,
    unit: "MB",
    value: (system.members[0]?.memory().anonymous ?? NaN) / 1e6,
  }));
  return [...figures.map((figure) => ({ ...figure, name: figure.name.replace(",", `${suffix},`) })), ...memory];
}

async function gaps(kills: number, stops: number, say: Say): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const name of systemNames) {
    await using system = await startSystem(name, 3);
    for (const [how, count] of [
      ["SIGKILL", kills],
      ["SIGSTOP", stops],
    ] as const) {
      const found = [];
      for (let round = 0; round < count; round++) {
        const gap = await measureGap(system, how);
        say(`${name} ${how}: no write for ${gap.gapMs.toFixed(0)} ms, longest wait ${gap.longestWaitMs.toFixed(0)} ms`);
        found.push(gap);
      }
      const what = how === "SIGKILL" ? "leader killed" : "leader silent";
      figures.push(
        ...summarize(
          `${name}, ${what}: write gap`,
          found.map(({ gapMs }) => gapMs),
        ),
      );
      figures.push(
        ...summarize(
          `${name}, ${what}: longest wait`,
          found.map(({ longestWaitMs }) => longestWaitMs),
        ),
      );
    }
  }
  return figures;
}

/** Filled one after the other, so that neither lives off the other's page cache. */
async function million(count: number, say: Say): Promise<readonly Figure[]> {
  const found: Record<SystemName, { fill: number; anonymous: number; resident: number; restartMs: number }> =
    {} as never;
  for (const name of systemNames) {
    await using system = await startSystem(name, 1);
    found[name] = await fillAndRestart(system, count);
    say(`${name}: ${JSON.stringify(found[name])}`);
  }
  const figure = (what: string, unit: string, of: (name: SystemName) => number): readonly Figure[] =>
    ratioFigures(`${count} keys of 256 B, ${what}`, unit, { ours: [of("ours")], etcd: [of("etcd")] });
  return [
    ...figure("filled", "/s", (name) => found[name].fill),
    ...figure("own memory after a restart", "MB", (name) => found[name].anonymous / 1e6),
    ...figure("resident after a restart", "MB", (name) => found[name].resident / 1e6),
    ...figure("restart", "ms", (name) => found[name].restartMs),
  ];
}

async function fillAndRestart(
  system: System,
  count: number,
): Promise<{ fill: number; anonymous: number; resident: number; restartMs: number }> {
  const [member] = system.members;
  if (!member) throw new Error("a system without members");
  const filled = await load({
    kind: "fill",
    endpoints: system.endpoints,
    clients: 32,
    seconds: 0,
    valueBytes: 256,
    keys: count,
  });
  await member.kill();
  const restartMs = await member.restart();
  const { anonymous, file } = member.memory();
  return { fill: filled.perSecond, anonymous, resident: anonymous + file, restartMs };
}
