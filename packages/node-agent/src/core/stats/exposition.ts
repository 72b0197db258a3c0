// Prometheus' text format for values whose labels are known only when asked: families in order, samples under them. Pure.

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** When it was read, if that is to be told. */
  readonly atMs?: number;
}

/** Families without samples are left out. */
export function expositionOf(families: readonly Family[]): string {
  return families
    .filter((family) => family.samples.length > 0)
    .map(({ name, help, type, samples }) => {
      const lines = samples.map(({ labels, value, atMs }) => {
        const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
        const block = pairs.length > 0 ? `{${pairs.join(",")}}` : "";
        return `${name}${block} ${numberText(value)}${atMs === undefined ? "" : ` ${Math.round(atMs)}`}\n`;
      });
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
    })
    .join("");
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}
