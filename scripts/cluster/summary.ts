// What a start says at its end: the demo's answers, where the time went, and what to try next.
import type { DemoAnswers } from "./ask-demo.ts";
import type { Layout } from "./layout.ts";
import { defaultDataDir } from "./layout.ts";
import type { StartOptions } from "./options.ts";
import type { PhaseRecord } from "./progress.ts";

export function describeDemo(demo: DemoAnswers): string {
  const lines = demo.answers.map((answer) => `    ${answer}`);
  return `\nhttp://web.demo.svc.cluster.local (${demo.address}) answers:\n${lines.join("\n")}\n`;
}

/** A bar a phase, on one scale. */
export function describeTimeline(phases: readonly PhaseRecord[]): string {
  const total = Math.max(1, ...phases.map((phase) => phase.startedAtMs + phase.durationMs));
  const columns = 40;
  const rows = phases.map(({ name, startedAtMs, durationMs }) => {
    const from = Math.min(columns - 1, Math.floor((startedAtMs / total) * columns));
    const width = Math.max(1, Math.round((durationMs / total) * columns));
    const bar = `${" ".repeat(from)}${"█".repeat(Math.min(width, columns - from))}`.padEnd(columns);
    return `    ${name.padEnd(20)} ${bar} ${(durationMs / 1000).toFixed(1).padStart(5)} s`;
  });
  return `\nFrom the first phase to the last: ${(total / 1000).toFixed(1)} s\n${rows.join("\n")}\n`;
}

export function describeNextSteps(layout: Layout, apiServer: string, options: StartOptions): string {
  const dataDir = layout.dataDir === defaultDataDir ? "" : ` --data-dir ${layout.dataDir}`;
  const hollow =
    options.hollow > 0
      ? `\nThe ${options.hollow} nodes are SIMULATED: pods are scheduled, said to run and to end, but no container runs anywhere.\n`
      : "";
  const steps = [
    `export KUBECONFIG=${layout.adminKubeconfig}`,
    "kubectl get nodes,pods -A -o wide",
    ...(options.hollow > 0 ? ["kubectl create deployment web --image nginx --replicas 20"] : []),
    ...(options.demo && options.hollow === 0
      ? ["kubectl -n demo scale deployment web --replicas 5", "kubectl -n demo logs deployment/web"]
      : []),
    `npm run status${dataDir && ` --${dataDir}`}`,
    `npm run logs --${dataDir} scheduler`,
  ];
  return `${hollow}\nThe API is at ${apiServer}. Try:\n${steps.map((step) => `    ${step}`).join("\n")}\n`;
}
