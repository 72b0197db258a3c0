// The course of a drill as one drawing (SVG): phases, strikes, leaders, latency of writes and requests, and what was lost. Plain shapes
// and titles for the pointer; no script.
import type { Recording } from "../recording.ts";
import { escape } from "./escape.ts";

const width = 1080;
const left = 130;
const right = 16;
const bandHeight = 26;
const chartHeight = 96;
const palette = ["#4c78a8", "#72b7b2", "#b279a2", "#eeca3b", "#9d755d", "#59a14f"];

export function timeline(recording: Recording): string {
  const from = recording.phases[0]?.from ?? 0;
  const to = Math.max(recording.phases.at(-1)?.to ?? 0, from + 1);
  const x = (at: number): number =>
    left + ((Math.min(Math.max(at, from), to) - from) / (to - from)) * (width - left - right);
  const rows: string[] = [];
  let y = 18;
  const label = (text: string, height: number): string =>
    `<text x="${left - 10}" y="${y + height / 2 + 4}" text-anchor="end" class="label">${escape(text)}</text>`;
  const band = (name: string, pieces: readonly { from: number; to: number; text: string; color: string }[]): void => {
    rows.push(label(name, bandHeight));
    for (const piece of pieces) {
      const wide = Math.max(1.5, x(piece.to) - x(piece.from));
      const text =
        wide > piece.text.length * 6.5 + 8
          ? `<text x="${x(piece.from) + 5}" y="${y + 16}" class="in">${escape(piece.text)}</text>`
          : "";
      rows.push(
        `<g><rect x="${x(piece.from)}" y="${y + 2}" width="${wide}" height="${bandHeight - 6}" rx="3" fill="${piece.color}"><title>${escape(piece.text)}</title></rect>${text}</g>`,
      );
    }
    y += bandHeight;
  };
  const top = y;
  band(
    "phases",
    recording.phases.map((phase, index) => ({
      ...phase,
      text: phase.name,
      color: palette[index % palette.length] ?? "",
    })),
  );
  for (const [name, states] of leaderBands(recording))
    band(
      name,
      states.map(({ at, who }, index) => ({
        from: at,
        to: states[index + 1]?.at ?? to,
        text: who || "nobody",
        color: who === "" ? "#d9534f" : colorOf(who),
      })),
    );
  const chart = (name: string, samples: readonly { at: number; ms: number; ok: boolean; why: string }[]): void => {
    if (samples.length === 0) return;
    const most = Math.max(10, ...samples.filter(({ ok }) => ok).map(({ ms }) => ms));
    const scale = (ms: number): number => (Math.log10(1 + ms) / Math.log10(1 + most)) * (chartHeight - 14);
    rows.push(
      label(name, chartHeight),
      `<rect x="${left}" y="${y + 2}" width="${width - left - right}" height="${chartHeight - 6}" class="field"/>`,
    );
    for (const tick of [1, 10, 100, 1000, 10_000].filter((each) => each <= most))
      rows.push(
        `<line x1="${left}" x2="${width - right}" y1="${y + chartHeight - 6 - scale(tick)}" y2="${y + chartHeight - 6 - scale(tick)}" class="grid"/><text x="${width - right - 3}" y="${y + chartHeight - 8 - scale(tick)}" text-anchor="end" class="tick">${tick >= 1000 ? `${tick / 1000} s` : `${tick} ms`}</text>`,
      );
    for (const { bin, worst, lost, why } of binned(samples, x)) {
      if (worst > 0)
        rows.push(
          `<line x1="${bin}" x2="${bin}" y1="${y + chartHeight - 6}" y2="${y + chartHeight - 6 - scale(worst)}" class="bar"><title>${Math.round(worst)} ms</title></line>`,
        );
      if (lost > 0)
        rows.push(
          `<rect x="${bin - 1}" y="${y + 2}" width="3" height="8" class="lost"><title>${escape(`${lost} not answered: ${why}`)}</title></rect>`,
        );
    }
    y += chartHeight;
  };
  chart(
    "API writes",
    recording.writes.map(({ start, end, outcome }) => ({
      at: start,
      ms: end - start,
      ok: outcome.kind === "ok",
      why: outcome.kind === "ok" ? "" : outcome.reason,
    })),
  );
  chart(
    "requests",
    recording.requests.map(({ at, ms, ok, why }) => ({ at, ms, ok, why: why ?? "" })),
  );
  const marks = recording.strikes.map(({ at, healedAt, number, fault, aim }) => {
    const end = Math.max(x(healedAt ?? at), x(at) + 1.5);
    return `<g class="strike"><rect x="${x(at)}" y="${top - 4}" width="${end - x(at)}" height="${y - top + 6}"/><text x="${x(at)}" y="${top - 7}">${number}</text><title>${escape(`${number}. ${fault} ${aim}`)}</title></g>`;
  });
  const seconds = Array.from({ length: 11 }, (_, index) => from + ((to - from) * index) / 10);
  const axis = seconds.map(
    (at) =>
      `<text x="${x(at)}" y="${y + 16}" text-anchor="middle" class="tick">${Math.round((at - from) / 1000)} s</text>`,
  );
  return `<svg viewBox="0 0 ${width} ${y + 26}" role="img" aria-label="the course of the drill">${marks.join("")}${rows.join("")}${axis.join("")}</svg>`;
}

type States = readonly { readonly at: number; readonly who: string }[];

function leaderBands({ storeLeaders, leases, phases }: Recording): readonly (readonly [string, States])[] {
  const short = (holder: string): string => holder.split("_")[0] ?? holder;
  const of = (lease: string): States =>
    leases
      .filter((each) => each.lease === lease)
      .map(({ at, holder }) => ({ at, who: short(holder) }))
      .filter(({ who }, index, all) => index === 0 || all[index - 1]?.who !== who);
  const bands: (readonly [string, States])[] = [
    ["store leader", storeLeaders.map(({ at, leader }) => ({ at, who: leader }))],
    ["scheduler", of("kube-scheduler")],
    ["controllers", of("kube-controller-manager")],
  ];
  return bands.filter(([, states]) => states.length > 0 && phases.length > 0);
}

const colorOf = (who: string): string =>
  palette[[...who].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % palette.length] ?? "";

function binned(samples: readonly { at: number; ms: number; ok: boolean; why: string }[], x: (at: number) => number) {
  const bins = new Map<number, { worst: number; lost: number; why: string }>();
  for (const { at, ms, ok, why } of samples) {
    const bin = Math.round(x(at));
    const known = bins.get(bin) ?? { worst: 0, lost: 0, why: "" };
    bins.set(bin, ok ? { ...known, worst: Math.max(known.worst, ms) } : { ...known, lost: known.lost + 1, why });
  }
  return [...bins].map(([bin, rest]) => ({ bin, ...rest }));
}
