// The paths that definitions use for columns, scale and selectable fields: `.spec.replicas`, `.status.conditions[?(@.type=="Ready")].status`,
// `.metadata.labels['a\.b']`. A subset of kubectl's JSONPath; it gives the values found, in order.
import { isJsonObject } from "@coxswain/apimachinery";

type Step =
  | { readonly is: "member"; readonly name: string }
  | { readonly is: "index"; readonly index: number }
  | { readonly is: "slice"; readonly start: number; readonly end: number | undefined; readonly every: number }
  | { readonly is: "all" }
  | { readonly is: "where"; readonly path: readonly Step[]; readonly operator: string; readonly value: unknown };

/** All values at the path; none when nothing is there, or when the path is not understood. */
export function valuesAt(object: unknown, path: string): readonly unknown[] {
  const steps = stepsOf(path);
  return steps ? walk([object], steps) : [];
}

/** Undefined for a path that is not understood. */
function stepsOf(path: string): readonly Step[] | undefined {
  const known = parsed.get(path);
  if (known || parsed.has(path)) return known;
  const steps = parse(path.replace(/^\{(.*)\}$/s, "$1").replace(/^\$/, ""));
  if (parsed.size > 10_000) parsed.clear();
  parsed.set(path, steps);
  return steps;
}

const parsed = new Map<string, readonly Step[] | undefined>();
const shapes =
  /\.((?:\\.|[^.[\\])+)|\[\s*(-?\d+)\s*\]|\[\s*(\*)\s*\]|\[\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)")\s*\]|\[\?\(\s*@((?:\.[^\s=!<>]+)+)\s*(==|!=|<=|>=|<|>)\s*(?:'([^']*)'|"([^"]*)"|([^\s)]+))\s*\)\]|\[\s*(-?\d*)\s*:\s*(-?\d*)\s*(?::\s*(\d*)\s*)?\]/gy;

function parse(path: string): readonly Step[] | undefined {
  const steps: Step[] = [];
  let end = 0;
  for (const found of path.matchAll(shapes)) {
    end = found.index + found[0].length;
    const [, dotted, index, star, single, double, inner, operator, text1, text2, bare, start, ending, every] = found;
    const name = dotted ?? single ?? double;
    if (dotted === "*" || star !== undefined) steps.push({ is: "all" });
    else if (name !== undefined) steps.push({ is: "member", name: name.replace(/\\(.)/g, "$1") });
    else if (index !== undefined) steps.push({ is: "index", index: Number(index) });
    else if (start !== undefined)
      steps.push({
        is: "slice",
        start: Number(start),
        end: ending ? Number(ending) : undefined,
        every: Number(every || 1),
      });
    else if (inner !== undefined && operator !== undefined) {
      const left = parse(inner);
      if (!left) return undefined;
      steps.push({ is: "where", path: left, operator, value: text1 ?? text2 ?? literal(bare ?? "") });
    }
  }
  return end === path.length ? steps : undefined;
}

function literal(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return Number.isNaN(Number(text)) ? text : Number(text);
}

function walk(values: readonly unknown[], steps: readonly Step[]): readonly unknown[] {
  return steps.reduce<readonly unknown[]>((found, step) => found.flatMap((value) => stepInto(value, step)), values);
}

function stepInto(value: unknown, step: Step): readonly unknown[] {
  switch (step.is) {
    case "member":
      return isJsonObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case "index":
      return Array.isArray(value) ? value.slice(step.index, step.index === -1 ? undefined : step.index + 1) : [];
    case "slice":
      return Array.isArray(value) ? value.slice(step.start, step.end).filter((_, at) => at % step.every === 0) : [];
    case "all":
      return Array.isArray(value) ? value : isJsonObject(value) ? Object.values(value) : [];
    case "where":
      return Array.isArray(value) ? value.filter((item) => holds(walk([item], step.path)[0], step)) : [];
  }
}

function holds(left: unknown, { operator, value }: Extract<Step, { is: "where" }>): boolean {
  if (left === undefined) return false;
  if (operator === "==") return left === value;
  if (operator === "!=") return left !== value;
  if (typeof left !== typeof value || (typeof left !== "number" && typeof left !== "string")) return false;
  const right = value as typeof left;
  if (operator === "<") return left < right;
  if (operator === ">") return left > right;
  return operator === "<=" ? left <= right : left >= right;
}
