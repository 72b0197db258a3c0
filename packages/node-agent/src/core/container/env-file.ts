// Variables from files in a pod's own volumes (`fileKeyRef`): the syntax of such files, which is a part of a POSIX shell's, and what is said when
// a variable cannot be had. As the kubelet since Kubernetes 1.35, KEP-3721. Pure; which file it is, the shell finds out.
import type { FileKeySelector } from "@coxswain/api/core/v1";

/** What was found where a variable is to come from. */
export type EnvFile =
  | { readonly path: string; readonly text: string }
  | { readonly path: string; readonly missing: true }
  /** There, but nothing that can be read as a file. */
  | { readonly path: string; readonly unreadable: string };

/** One file is read once for all variables of a container. */
export function envFileKey({ volumeName, path }: FileKeySelector): string {
  return `${volumeName}/${path}`;
}

/** Undefined: optional, and not there. A key whose value is empty counts as one that is not there, as with the kubelet. */
export function fromEnvFile(
  reference: FileKeySelector,
  files: ReadonlyMap<string, EnvFile>,
): string | undefined | { readonly error: string } {
  const { volumeName, key, optional = false } = reference;
  const file = files.get(envFileKey(reference));
  if (!file) return { error: `cannot find the volume ${JSON.stringify(volumeName)} referenced by FileKeyRef` };
  const path = JSON.stringify(file.path);
  if ("unreadable" in file) return { error: `couldn't parse env file: ${file.unreadable}` };
  if ("missing" in file)
    return optional
      ? undefined
      : { error: `couldn't parse env file: failed to open environment variable file ${path}` };
  const found = envFileValue(file.text, key);
  if (typeof found === "object") return { error: `couldn't parse env file: ${found.error}` };
  if (found) return found;
  return optional ? undefined : { error: `environment variable key ${JSON.stringify(key)} not found in file ${path}` };
}

/**
 * The value of a key; undefined when no line sets it. Lines are `KEY='value'`: the value is taken as it stands, over several lines too; blank lines,
 * comments and blanks at the beginning of a line are skipped, and so is a comment after a value. Looking ends at the key: what is wrong after it does no harm.
 */
export function envFileValue(text: string, key: string): string | undefined | { readonly error: string } {
  const lines = text.split("\n").map((line) => line.replace(/\r$/, ""));
  if (lines.at(-1) === "") lines.pop();
  for (let at = 0; at < lines.length; at++) {
    const line = trimStart(lines[at] ?? "");
    if (line === "" || line.startsWith("#")) continue;
    const wrong = (what: string, number = at + 1): { readonly error: string } => ({
      error: `invalid environment variable format at line ${number}: ${what}`,
    });
    const equals = line.indexOf("=");
    if (equals < 0) return wrong("missing '='");
    const name = line.slice(0, equals);
    if (/^[ \t]*$/.test(name)) return wrong("empty variable name");
    if (/[ \t]$/.test(name)) return wrong("whitespace before '=' is not allowed");
    const given = line.slice(equals + 1);
    // A shell sets the variable to nothing here, and takes the rest for a command.
    if (/^[ \t]/.test(given)) {
      if (name === key) return "";
      continue;
    }
    if (!given.startsWith("'")) return wrong("value must be enclosed in single quotes");

    const first = at + 1;
    const parts: string[] = [];
    let rest = given.slice(1);
    while (!rest.includes("'")) {
      parts.push(rest);
      const next = lines[++at];
      if (next === undefined)
        return { error: `invalid environment variable format starting at line ${first}: unclosed single quote` };
      rest = next;
    }
    const closing = rest.indexOf("'");
    parts.push(rest.slice(0, closing));
    const after = trimStart(rest.slice(closing + 1));
    if (after !== "" && !after.startsWith("#")) return wrong("unexpected content after closing quote", at + 1);
    if (name === key) return parts.join("\n");
  }
  return undefined;
}

function trimStart(line: string): string {
  return line.replace(/^[ \t]+/, "");
}
