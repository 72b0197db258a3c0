// Which clusters one can have of how many machines, and what each survives: for `cox plan`. Facts and drawings, no machines.

export interface Topology {
  readonly name: string;
  readonly masters: number;
  readonly stores: number;
  readonly workers: number;
  readonly external: boolean;
}

export function majorityOf(members: number): number {
  return Math.floor(members / 2) + 1;
}

export interface Judgement {
  readonly machines: number;
  readonly storeMembers: number;
  readonly quorum: number;
  /** Store members that may be lost with every acknowledged write kept and the API serving. */
  readonly storeFailures: number;
  /** Masters that may be lost with the API serving. */
  readonly masterFailures: number;
  readonly advice: readonly string[];
}

export function judgeTopology({ masters, stores, workers, external }: Topology): Judgement {
  const storeMembers = external ? stores : masters;
  const quorum = majorityOf(storeMembers);
  const storeFailures = storeMembers - quorum;
  const advice: string[] = [];
  if (storeMembers % 2 === 0)
    advice.push(`${storeMembers} store members survive no more failures than ${storeMembers - 1}: take an odd number`);
  if (storeMembers > 7) advice.push("more than 7 store members make every write slower and few things safer");
  if (storeMembers === 1) advice.push("the one store member is lost with its disk: `cox backup` regularly");
  if (workers === 1) advice.push("one worker: its pods have nowhere else to go");
  if (workers === 0 && masters > 1) advice.push("no workers: pods stay Pending, as masters are tainted");
  return {
    machines: masters + workers + (external ? stores : 0),
    storeMembers,
    quorum,
    storeFailures,
    masterFailures: external ? masters - 1 : storeFailures,
    advice,
  };
}

export const usualTopologies: readonly Topology[] = [
  { name: "single", masters: 1, stores: 0, workers: 0, external: false },
  { name: "one master, two workers", masters: 1, stores: 0, workers: 2, external: false },
  { name: "stacked, three masters", masters: 3, stores: 0, workers: 3, external: false },
  { name: "stacked, five masters", masters: 5, stores: 0, workers: 3, external: false },
  { name: "external store", masters: 2, stores: 3, workers: 3, external: true },
  { name: "external store, no single point", masters: 3, stores: 3, workers: 3, external: true },
];

/** A table of the given ones. */
export function tableOf(topologies: readonly Topology[]): string {
  const head = ["TOPOLOGY", "MACHINES", "MASTERS", "STORE", "WORKERS", "QUORUM", "MASTERS LOST", "STORES LOST"];
  const rows = topologies.map((topology) => {
    const judged = judgeTopology(topology);
    const stores = topology.external ? `${topology.stores} own` : `${judged.storeMembers} stacked`;
    return [
      topology.name,
      judged.machines,
      topology.masters,
      stores,
      topology.workers,
      `${judged.quorum} of ${judged.storeMembers}`,
      judged.masterFailures,
      judged.storeFailures,
    ].map(String);
  });
  const widths = head.map((text, column) => Math.max(text.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [head, ...rows]
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("   ")
          .trimEnd()}\n`,
    )
    .join("");
}

/** The machines as boxes, with what runs in them. */
export function drawingOf({ masters, stores, workers, external }: Topology): string {
  const plain = ["apiserver", "scheduler", "controller-manager"];
  const node = ["node-agent", "proxy", "dns"];
  const master = [...(external ? [] : ["store"]), ...plain, ...node];
  const parts = [
    ...(external ? [boxes(numbered("store", stores), ["store"]), "        ▲ etcd v3, each apiserver to all\n"] : []),
    boxes(numbered("master", masters), workers === 0 && masters === 1 ? [...master, "pods"] : master),
    ...(workers > 0
      ? ["        ▲ TLS, each agent knows all masters\n", boxes(numbered("worker", workers), [...node, "pods"])]
      : []),
  ];
  return parts.join("");
}

function numbered(word: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${word} ${index + 1}`);
}

function boxes(titles: readonly string[], lines: readonly string[]): string {
  const width = Math.max(...lines.map((line) => line.length), ...titles.map((title) => title.length + 2));
  const row = (left: string, right: string, text: (title: string) => string): string =>
    `${titles.map((title) => `${left}${text(title)}${right}`).join(" ")}\n`;
  return [
    row("┌", "┐", (title) => `─${title}`.padEnd(width + 2, "─")),
    ...lines.map((line) => row("│", "│", () => ` ${line.padEnd(width)} `)),
    row("└", "┘", () => "─".repeat(width + 2)),
  ].join("");
}

/** What `cox plan` says of one. */
export function describeTopology(topology: Topology): string {
  const judged = judgeTopology(topology);
  const lost = (count: number, what: string): string =>
    count === 0
      ? `No ${what} may be lost.`
      : `Any ${count === 1 ? what : `${count} ${what}s`} may be lost: nothing acknowledged is, and the API goes on.`;
  return [
    drawingOf(topology),
    "\n",
    tableOf([topology]),
    `\n${lost(judged.masterFailures, "master")}\n`,
    topology.external ? `${lost(judged.storeFailures, "store host")}\n` : "",
    ...judged.advice.map((line) => `Note: ${line}.\n`),
  ].join("");
}
