// The report as Markdown: for a terminal, an issue, a pull request.
import type { Summary } from "./summary.ts";

const signs = { passed: "✓", violated: "✗", unknown: "?" } as const;

export function markdownReport(summary: Summary): string {
  const { verdicts, strikes, figures, previous, target, loadAverage } = summary;
  const before = new Map((previous?.figures ?? []).map(({ name, value }) => [name, value]));
  return `# ${summary.drill}: ${summary.title}

**${summary.outcome}** · ${summary.startedAt} · ${summary.seconds} s · seed ${summary.seed} · ${target.kind} ${target.name} (${target.machines.join(", ")})

Breaks: ${summary.breaks}. Proves: ${summary.proves.join(", ")}.

| | promise | because |
|---|---|---|
${verdicts.map(({ promise, outcome, because }) => `| ${signs[outcome]} | ${cell(promise)} | ${cell(because)} |`).join("\n")}
${verdicts
  .flatMap(({ violations }) => violations.slice(0, 2))
  .filter(({ drawing }) => drawing !== "")
  .map(({ because, drawing }) => `\n${because}:\n\n\`\`\`\n${drawing}\n\`\`\`\n`)
  .join("")}${summary.failures.length === 0 ? "" : `\n${summary.failures.map((text) => `- ${text}`).join("\n")}\n`}
| strike | | noticed after | recovered after |
|---|---|---|---|
${strikes.map(({ number, said, detectMs, recoverMs }) => `| ${number} | ${cell(said)} | ${ms(detectMs)} | ${ms(recoverMs)} |`).join("\n")}

| figure | value |${previous ? ` before (${previous.id}) |` : ""}
|---|---|${previous ? "---|" : ""}
${figures.map(({ name, value, unit }) => `| ${name} | ${value} ${unit} |${previous ? ` ${before.get(name) ?? ""} |` : ""}`).join("\n")}

Load average of the driver's computer: ${loadAverage.before.toFixed(1)} before, ${loadAverage.after.toFixed(1)} after.
${Object.entries(summary.versions)
  .map(([name, version]) => `${name} ${version}`)
  .join(", ")}.

Again: \`${summary.command}\`
`;
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
const ms = (value: number | undefined): string => (value === undefined ? "" : `${Math.round(value)} ms`);
