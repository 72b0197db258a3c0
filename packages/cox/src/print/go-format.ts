// Values as Go's fmt prints them with %v: what templates, JSONPath and columns show of anything that is no text.

/** As fmt.Sprint prints decoded JSON: "map[a:1 b:2]", "[1 2]", "<nil>". */
export function goText(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (typeof value === "string") return value;
  if (typeof value === "number") return goNumber(value);
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (typeof value === "object") {
    const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
    return `map[${entries.map(([key, inner]) => `${key}:${goText(inner)}`).join(" ")}]`;
  }
  return "<unknown>";
}

export function goNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return String(value);
  return String(value).replace(/e([+-])(\d)$/, "e$10$2");
}

/** fmt.Sprintf with the verbs people use in templates. */
export function goSprintf(format: string, values: readonly unknown[]): string {
  let next = 0;
  const text = format.replace(
    /%([-+# 0]*)(\d+|\*)?(?:\.(\d+))?([a-zA-Z%])/g,
    (_whole, flags: string, width, precision, verb) => {
      if (verb === "%") return "%";
      const size = width === "*" ? Number(values[next++]) : Number(width ?? 0);
      if (next >= values.length) return `%!${verb}(MISSING)`;
      const shown = verbText(String(verb), values[next++], precision as string | undefined, flags);
      if (flags.includes("-")) return shown.padEnd(size);
      return shown.padStart(size, flags.includes("0") && verb !== "s" ? "0" : " ");
    },
  );
  return next < values.length
    ? `${text}%!(EXTRA ${values
        .slice(next)
        .map((value) => `${goType(value)}=${goText(value)}`)
        .join(", ")})`
    : text;
}

function verbText(verb: string, value: unknown, precision: string | undefined, flags: string): string {
  switch (verb) {
    case "s":
      return precision === undefined ? goText(value) : goText(value).slice(0, Number(precision));
    case "v":
      return goText(value);
    case "q":
      return JSON.stringify(typeof value === "string" ? value : goText(value));
    case "d":
      return typeof value === "number"
        ? (flags.includes("+") && value >= 0 ? "+" : "") + String(Math.trunc(value))
        : `%!d(${goType(value)}=${goText(value)})`;
    case "x":
      return typeof value === "number" ? value.toString(16) : Buffer.from(goText(value)).toString("hex");
    case "f":
      return typeof value === "number"
        ? value.toFixed(Number(precision ?? 6))
        : `%!f(${goType(value)}=${goText(value)})`;
    case "t":
      return String(value);
    case "T":
      return goType(value);
    default:
      return `%!${verb}(${goType(value)}=${goText(value)})`;
  }
}

function goType(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isInteger(value) ? "int64" : "float64";
  return Array.isArray(value) ? "[]interface {}" : "map[string]interface {}";
}
