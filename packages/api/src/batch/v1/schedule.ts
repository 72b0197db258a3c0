/** Says what is wrong with a schedule of cron, in the words of the parser that Kubernetes uses. It computes no times. */
interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const fields: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: months },
  { min: 0, max: 6, names: days },
];
const descriptors = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/** Undefined when the schedule can be read. A zone in front is not looked at: it has a field of its own. */
export function scheduleProblem(schedule: string): string | undefined {
  const text = schedule.replace(/^(CRON_)?TZ=\S*\s*/, "");
  if (text.startsWith("@")) {
    if (descriptors.includes(text)) return undefined;
    if (!text.startsWith("@every ")) return `unrecognized descriptor: ${text}`;
    const duration = text.slice("@every ".length);
    return /^[-+]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(duration)
      ? undefined
      : `failed to parse duration ${text}: time: invalid duration ${JSON.stringify(duration)}`;
  }
  const parts = text.split(/\s+/).filter((part) => part !== "");
  if (parts.length !== fields.length) return `expected exactly 5 fields, found ${parts.length}: [${parts.join(" ")}]`;
  for (const [index, part] of parts.entries()) {
    const bounds = fields[index];
    for (const expression of part.split(",").filter((piece) => piece !== "")) {
      const problem = bounds === undefined ? undefined : rangeProblem(expression, bounds);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

function rangeProblem(expression: string, bounds: Bounds): string | undefined {
  const steps = expression.split("/");
  const ends = (steps[0] ?? "").split("-");
  let [from, to] = [bounds.min, bounds.max];
  const isAny = ends[0] === "*" || ends[0] === "?";
  if (!isAny) {
    const first = numberOf(ends[0] ?? "", bounds);
    if (typeof first === "string") return first;
    from = first;
    if (ends.length > 2) return `too many hyphens: ${expression}`;
    const last = ends.length === 2 ? numberOf(ends[1] ?? "", bounds) : first;
    if (typeof last === "string") return last;
    to = last;
  }
  if (steps.length > 2) return `too many slashes: ${expression}`;
  let step = 1;
  if (steps.length === 2) {
    const given = plainNumber(steps[1] ?? "");
    if (typeof given === "string") return given;
    step = given;
    if (!isAny && ends.length === 1) to = bounds.max;
  }
  if (from < bounds.min) return `beginning of range (${from}) below minimum (${bounds.min}): ${expression}`;
  if (to > bounds.max) return `end of range (${to}) above maximum (${bounds.max}): ${expression}`;
  if (from > to) return `beginning of range (${from}) beyond end of range (${to}): ${expression}`;
  return step === 0 ? `step of range should be a positive number: ${expression}` : undefined;
}

function numberOf(text: string, bounds: Bounds): number | string {
  const index = bounds.names?.indexOf(text.toLowerCase()) ?? -1;
  return index >= 0 ? index + bounds.min : plainNumber(text);
}

function plainNumber(text: string): number | string {
  if (!/^[-+]?\d+$/.test(text))
    return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
  const value = Number(text);
  return value < 0 ? `negative number (${value}) not allowed: ${text}` : value;
}
