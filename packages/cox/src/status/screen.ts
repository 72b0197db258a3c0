// The overview on a screen of 80 columns or more. Asks nobody.
import { humanDuration } from "@coxswain/apimachinery";
import { alignTabs } from "../print/tabs.ts";
import type { Amount, Overview } from "./overview.ts";

export interface Paints {
  readonly bold: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
}

const day = 86_400_000;
/** Certificates that end sooner are shown in red. */
const soonMs = 30 * day;
const staleLeaderMs = 30_000;

export function overviewScreen(overview: Overview, now: number, columns: number, paints: Paints): string {
  const { bold, red, green } = paints;
  const { machines, leaders, troubles } = overview;
  const ready = machines.filter(({ state }) => state.startsWith("Ready")).length;
  const good =
    ready === machines.length &&
    troubles.length === 0 &&
    overview.failing.length === 0 &&
    leaders.every(isLed) &&
    (overview.store.members ?? []).every(({ behind }) => behind !== undefined);
  const lines = [
    `${bold(overview.server)}  ${overview.version}  ${good ? green("all is well") : red(`${troubles.length + overview.more} in trouble`)}`,
    "",
    bold(`Machines: ${ready} of ${machines.length} ready`),
    ...table(
      ["NAME\tSTATE\tPODS\tCPU ASKED\tUSED\tMEMORY ASKED\tUSED"],
      machines.map(
        (each) =>
          `${each.name}\t${each.state}\t${each.pods}/${each.podsMost}\t${ofAll(each.cpu, each.cpu.asked, cpuText)}\t${usedText(each.cpu, cpuText)}\t${ofAll(each.memory, each.memory.asked, memoryText)}\t${usedText(each.memory, memoryText)}`,
      ),
    ),
    "",
    bold("Control plane"),
    ...table(
      [],
      [
        `API server\t${overview.apiServers.join(", ") || overview.server}\t${overview.failing.length === 0 ? "ready" : overview.failing.join("; ")}`,
        ...leaders.map(
          ({ name, holder, renewedMsAgo }) =>
            `${name}\t${holder || "nobody leads"}\t${renewedMsAgo === undefined ? "" : `leads, renewed ${humanDuration(renewedMsAgo)} ago`}`,
        ),
        ...storeRows(overview.store, red),
      ],
    ),
    "",
    bold("Certificates"),
    ...table(
      [],
      overview.certificates.map(({ of, until }) => {
        const left = Date.parse(until) - now;
        const text = left < 0 ? "has expired" : `good for ${humanDuration(left)}`;
        return `${of}\t${left < soonMs ? red(text) : text}`;
      }),
    ),
    "",
    bold(
      `In trouble: ${troubles.length === 0 ? `none of ${overview.workloads} workloads` : troubles.length + overview.more}`,
    ),
    ...troubles.flatMap(({ object, namespace, state, reason }) => [
      `  ${red(object)}${namespace === undefined ? "" : ` in ${namespace}`} ${state}`,
      ...(reason === "" ? [] : [`    ${cut(reason, columns - 4)}`]),
    ]),
    ...(overview.more > 0 ? [`  and ${overview.more} more`] : []),
    ...(troubles.length > 0
      ? [
          "",
          `cox why ${troubles[0]?.object}${troubles[0]?.namespace === undefined ? "" : ` -n ${troubles[0].namespace}`} tells more`,
        ]
      : []),
  ];
  return `${lines.join("\n")}\n`;
}

function storeRows(store: Overview["store"], red: Paints["red"]): readonly string[] {
  if (store.members === undefined) return [`store\t\t${store.unknown}`];
  return store.members.map(({ name, address, role, behind, sizeBytes = 0 }) => {
    const lag = behind === 0 ? "has all" : `${behind} ${behind === 1 ? "entry" : "entries"} behind`;
    const said = behind === undefined ? red("does not answer") : `${lag}, ${memoryText(sizeBytes)}`;
    return `store ${name}\t${address}\t${role === "leader" ? "leads" : role}, ${said}`;
  });
}

const isLed = ({ renewedMsAgo }: Overview["leaders"][number]): boolean =>
  renewedMsAgo !== undefined && renewedMsAgo < staleLeaderMs;

const table = (head: readonly string[], rows: readonly string[]): string[] =>
  alignTabs([...head, ...rows].join("\n"), { minWidth: 0, padding: 2 })
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => `  ${line.trimEnd()}`);

const cpuText = (millis: number): string => (millis % 1000 === 0 ? String(millis / 1000) : `${millis}m`);
const memoryText = (bytes: number): string =>
  bytes >= 1024 ** 3 ? `${(bytes / 1024 ** 3).toFixed(1)}Gi` : `${Math.round(bytes / 1024 ** 2)}Mi`;
const ofAll = (amount: Amount, value: number, show: (value: number) => string): string =>
  `${show(value)}/${show(amount.of)}${amount.of === 0 ? "" : ` ${Math.round((100 * value) / amount.of)}%`}`;
const usedText = (amount: Amount, show: (value: number) => string): string =>
  amount.used === undefined ? "-" : show(amount.used);

const cut = (text: string, width: number): string =>
  [...text].length <= width ? text : `${[...text].slice(0, Math.max(1, width - 1)).join("")}…`;
