// The report as one HTML file that needs nothing else: no script, no font, no picture from anywhere. Light and dark, and printable.
import type { Recording } from "../recording.ts";
import { escape } from "./escape.ts";
import type { Figure, Summary } from "./summary.ts";
import { timeline } from "./timeline.ts";

const words = { passed: "passed", violated: "failed", unknown: "unknown" } as const;

export function htmlReport(summary: Summary, recording: Recording): string {
  const { verdicts, target } = summary;
  const count = (outcome: keyof typeof words): number => verdicts.filter((each) => each.outcome === outcome).length;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escape(`${summary.drill} ${words[summary.outcome]}: ${summary.title}`)}</title><style>${style}</style></head><body><main>
<header><span class="badge ${summary.outcome}">${words[summary.outcome]}</span><div><h1>${escape(summary.drill)} · ${escape(summary.title)}</h1>
<p>${escape(summary.breaks)}. Proves ${summary.proves.map((row) => `<code>${escape(row)}</code>`).join(" ")}</p></div></header>
<dl class="facts"><div><dt>promises</dt><dd>${count("passed")} kept, ${count("violated")} broken, ${count("unknown")} unknown</dd></div>
<div><dt>when</dt><dd>${escape(summary.startedAt.slice(0, 19).replace("T", " "))} UTC, ${summary.seconds} s</dd></div>
<div><dt>cluster</dt><dd>${escape(target.kind)}: ${target.machines.map(escape).join(", ")}</dd></div>
<div><dt>load of the computer</dt><dd>${summary.loadAverage.before.toFixed(1)} → ${summary.loadAverage.after.toFixed(1)}</dd></div></dl>
${summary.failures.length === 0 ? "" : `<section class="alert"><h2>The drill itself</h2><ul>${summary.failures.map((text) => `<li>${escape(text)}</li>`).join("")}</ul></section>`}
<section><h2>What happened</h2>${timeline(recording)}
<p class="note">Bars are the slowest answer of each moment, on a logarithmic scale; red marks on top are requests without an answer; shaded columns are strikes until they were healed.</p></section>
<section><h2>Promises</h2><table class="verdicts">${verdicts
    .map(
      ({ promise, outcome, because, violations }) =>
        `<tr><td><span class="dot ${outcome}">${words[outcome]}</span></td><th>${escape(promise)}</th><td>${escape(because)}${violations
          .slice(0, 2)
          .filter(({ drawing }) => drawing !== "")
          .map((violation) => `<pre>${escape(`${violation.because}\n\n${violation.drawing}`)}</pre>`)
          .join("")}</td></tr>`,
    )
    .join("")}</table></section>
<section class="columns"><div><h2>Strikes</h2>${strikes(summary)}</div><div><h2>Figures</h2>${figures(summary)}</div></section>
<footer><p>Seed ${summary.seed}. ${escape(
    Object.entries(summary.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
  )}.</p>
<p>Again: <code>${escape(summary.command)}</code></p></footer></main></body></html>
`;
}

const strikes = ({ strikes: all }: Summary): string =>
  `<table class="numbers"><tr><th>#</th><th>strike</th><th>noticed</th><th>recovered</th></tr>${all
    .map(
      ({ number, said, detectMs, recoverMs, actions }) =>
        `<tr><td>${number}</td><td title="${escape(actions.join("; "))}">${escape(said)}</td><td>${time(detectMs)}</td><td>${time(recoverMs)}</td></tr>`,
    )
    .join("")}</table>`;

function figures({ figures: all, previous }: Summary): string {
  const before = new Map((previous?.figures ?? []).map((figure) => [figure.name, figure]));
  return `<table class="numbers"><tr><th></th><th>now</th>${previous ? `<th>before</th>` : ""}</tr>${all
    .map(
      (figure) =>
        `<tr><td>${escape(figure.name)}</td><td>${written(figure)}</td>${previous ? `<td class="before">${before.has(figure.name) ? written(before.get(figure.name) as Figure) : ""}</td>` : ""}</tr>`,
    )
    .join(
      "",
    )}</table>${previous ? `<p class="note">Before: ${escape(previous.id)}, ${escape(previous.outcome)}</p>` : ""}`;
}

const written = ({ value, unit }: Figure): string =>
  `${value.toLocaleString("en")}${unit === "" ? "" : ` ${escape(unit)}`}`;
const time = (ms: number | undefined): string =>
  ms === undefined ? "" : ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;

const style = `
:root{color-scheme:light dark;--bg:#fbfbfa;--fg:#1f2328;--dim:#6a737d;--line:#e3e5e8;--card:#fff;--ok:#2e8b57;--bad:#c93c37;--open:#b7791f}
@media(prefers-color-scheme:dark){:root{--bg:#15181c;--fg:#e6e8ea;--dim:#9aa4af;--line:#2b3138;--card:#1c2127;--ok:#4fb37f;--bad:#f0716b;--open:#e0a94a}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}main{max-width:1120px;margin:0 auto;padding:32px 20px}
header{display:flex;gap:18px;align-items:center}h1{font-size:24px;margin:0}header p{margin:4px 0 0;color:var(--dim)}h2{font-size:16px;margin:0 0 10px}
.badge{padding:10px 16px;border-radius:8px;color:#fff;font-weight:600;font-size:18px}.badge.passed,.dot.passed{background:var(--ok)}.badge.violated,.dot.violated{background:var(--bad)}.badge.unknown,.dot.unknown{background:var(--open)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:12px;margin:22px 0}.facts div,section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px}dt{color:var(--dim);font-size:12px}dd{margin:2px 0 0}
section{margin:0 0 18px}.alert{border-color:var(--bad)}table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:7px 10px 7px 0;border-top:1px solid var(--line);font-weight:normal}tr:first-child>*{border-top:0}
.verdicts th{font-weight:600;width:24%}.dot{color:#fff;border-radius:5px;padding:2px 8px;font-size:12px}.numbers td:nth-last-child(-n+1),.numbers td{font-variant-numeric:tabular-nums}.numbers th{color:var(--dim);font-size:12px}.before{color:var(--dim)}
pre{background:var(--bg);border:1px solid var(--line);border-radius:6px;padding:10px;overflow:auto;font-size:12px}.columns{display:grid;grid-template-columns:1fr 1fr;gap:28px}@media(max-width:800px){.columns{grid-template-columns:1fr}}
code{background:var(--bg);border:1px solid var(--line);border-radius:4px;padding:1px 5px;font-size:13px}.note,footer{color:var(--dim);font-size:13px}svg{width:100%;height:auto;font:11px system-ui,sans-serif}
.label{fill:var(--fg)}.tick{fill:var(--dim);font-size:10px}.in{fill:#fff}.field{fill:none;stroke:var(--line)}.grid{stroke:var(--line);stroke-dasharray:2 3}.bar{stroke:#4c78a8;stroke-width:1.2}.lost{fill:var(--bad)}.strike rect{fill:var(--bad);opacity:.16}.strike text{fill:var(--bad);font-size:10px}
@media print{section{break-inside:avoid}}`;
