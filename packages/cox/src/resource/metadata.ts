// Labels and annotations: reads "a=b" and "c-", patches what changes, and says in kubectl's words what came of it.
import { createMergePatch, labelValueErrors } from "@coxswain/apimachinery";
import type { Args } from "../args/flags.ts";
import { CommandError, throwAll } from "../failure.ts";
import type { Session } from "../session.ts";
import { patchObject } from "./api.ts";
import { collectWithErrors, hasFiles } from "./builder.ts";
import type { Info } from "./builder.ts";
import { createReporter, dryRunOf, printsObject } from "./report.ts";

type Field = "labels" | "annotations";

export interface Change {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

/** Splits words into those that name objects and those that say what changes. */
export function splitChanges(words: readonly string[]): { readonly names: string[]; readonly changes: string[] } {
  const first = words.findIndex((word) => word.includes("=") || (word.endsWith("-") && word.length > 1));
  return first < 0 ? { names: [...words], changes: [] } : { names: words.slice(0, first), changes: words.slice(first) };
}

/** One reading for labels, annotations and taints' simpler cousins. */
export function parseChanges(words: readonly string[], field: Field): Change {
  const noun = field.slice(0, -1);
  const set: Record<string, string> = {};
  const remove: string[] = [];
  for (const word of words) {
    const equals = word.indexOf("=");
    if (equals > 0) {
      const [key, value] = [word.slice(0, equals), word.slice(equals + 1)];
      if (field === "labels") {
        const [wrong] = labelValueErrors(value);
        if (wrong !== undefined) throw new CommandError(`invalid label value: "${word}": ${wrong}`);
      }
      set[key] = value;
    } else if (word.endsWith("-") && word.length > 1) remove.push(word.slice(0, -1));
    else
      throw new CommandError(field === "labels" ? `unknown label spec: ${word}` : `unexpected ${noun} spec: ${word}`);
  }
  const both = remove.find((key) => Object.hasOwn(set, key));
  if (both !== undefined)
    throw new CommandError(
      `can not both modify and remove ${noun === "label" ? "a" : "an"} ${noun} in the same command`,
    );
  return { set, remove };
}

export async function changeMetadata(session: Session, args: Args, field: Field): Promise<void> {
  const noun = field.slice(0, -1);
  const { names, changes } = splitChanges(args.words);
  if (names.length === 0 && !hasFiles(args))
    throw new CommandError("one or more resources must be specified as <resource> <name> or <resource>/<name>");
  if (changes.length === 0 && !args.flag("list")) throw new CommandError(`at least one ${noun} update is required`);
  const change = parseChanges(changes, field);
  const local = args.flag("local");
  const dryRun = dryRunOf(session, args);
  const report = await createReporter(session, args);
  const { infos, errors } = await collectWithErrors(session, args, { words: names, latest: true, local });
  const failed: unknown[] = [...errors];
  if (args.text("resource-version") !== "" && infos.length > 1)
    throw new CommandError("--resource-version may only be used with a single resource");
  for (const info of infos) {
    try {
      if (args.flag("list") && changes.length === 0) {
        const lines = listed(info, field);
        const { kind, group } = info.descriptor;
        session.out.write(
          infos.length > 1
            ? `Listing ${field} for ${kind}.${group}/${info.name}:\n${lines.replace(/^(?=.)/gm, " ")}`
            : lines,
        );
        continue;
      }
      const changed = change_(session, info, change, field, args.flag("overwrite"));
      const patch = createMergePatch({ metadata: metadataOf(info, field) }, { metadata: { [field]: changed } });
      const version = args.text("resource-version");
      const nothing = Object.keys(patch).length === 0;
      const object =
        local || dryRun === "client"
          ? { ...info.object, metadata: { ...info.object.metadata, [field]: changed } }
          : nothing
            ? info.object
            : await patchObject(
                session,
                info.descriptor,
                info,
                "merge",
                version === ""
                  ? patch
                  : { ...patch, metadata: { ...(patch["metadata"] as object), resourceVersion: version } },
                { dryRun: dryRun === "server", fieldManager: args.text("field-manager") },
              );
      if (printsObject(args)) await report(info.descriptor, object, "");
      else await report(info.descriptor, object, message(field, change, nothing));
    } catch (error) {
      failed.push(error);
    }
  }
  throwAll(failed);
}

function message(field: Field, change: Change, nothing: boolean): string {
  if (field === "annotations") return "annotated";
  if (nothing) return "not labeled";
  if (change.remove.length > 0 && Object.keys(change.set).length === 0) return "unlabeled";
  return "labeled";
}

const metadataOf = (info: Info, field: Field): Record<string, unknown> =>
  info.object.metadata[field] === undefined ? {} : { [field]: info.object.metadata[field] };

function change_(
  session: Session,
  info: Info,
  change: Change,
  field: Field,
  overwrite: boolean,
): Record<string, string> {
  const now: Record<string, string> = { ...info.object.metadata[field] };
  if (!overwrite) {
    const clash = Object.entries(change.set).filter(([key, value]) => now[key] !== undefined && now[key] !== value);
    const [first] = clash;
    if (first !== undefined)
      throw new CommandError(
        field === "labels"
          ? `'${first[0]}' already has a value (${now[first[0]]}), and --overwrite is false`
          : `--overwrite is false but found the following declared annotation(s): '${first[0]}' already has a value (${now[first[0]]})`,
      );
  }
  for (const key of change.remove) {
    if (now[key] === undefined && field === "labels") session.out.write(`label "${key}" not found.\n`);
    delete now[key];
  }
  return { ...now, ...change.set };
}

function listed(info: Info, field: Field): string {
  const entries = Object.entries(info.object.metadata[field] ?? {}).sort(([left], [right]) => (left < right ? -1 : 1));
  return entries.map(([key, value]) => `${key}=${value}\n`).join("");
}
