// etcd's configuration file: YAML with the flags' names, and two sections for the files of TLS.
import { UsageError } from "@coxswain/daemon";
import { load } from "js-yaml";

const sections = new Map([
  ["client-transport-security", ""],
  ["peer-transport-security", "peer-"],
]);

/** The file's values by flag. Throws `UsageError`. */
export function parseConfigFile(text: string): ReadonlyMap<string, string> {
  let parsed: unknown;
  try {
    parsed = load(text);
  } catch (cause) {
    throw new UsageError(`--config-file: ${(cause as Error).message.split("\n", 1)[0]}`, { cause });
  }
  const values = new Map<string, string>();
  for (const [name, value] of entriesOf(parsed ?? {})) {
    const prefix = sections.get(name);
    if (prefix === undefined) put(values, name, value);
    else for (const [inner, each] of entriesOf(value ?? {})) put(values, prefix + inner, each);
  }
  return values;
}

function put(values: Map<string, string>, name: string, value: unknown): void {
  if (value === null || value === undefined || value === "") return;
  if (Array.isArray(value)) values.set(name, value.map(String).join(","));
  else if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    values.set(name, String(value));
  else throw new UsageError(`--config-file: ${name} must be a value or a list, found ${JSON.stringify(value)}`);
}

function entriesOf(value: unknown): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new UsageError(`--config-file: expected names and values, found ${JSON.stringify(value)}`);
  return Object.entries(value);
}
