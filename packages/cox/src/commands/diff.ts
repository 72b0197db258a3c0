// `cox diff`: what `apply` would change, as the server would carry it out, shown by diff(1) or KUBECTL_EXTERNAL_DIFF.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Args } from "../args/flags.ts";
import { bool, number, outputFlags } from "../args/common.ts";
import type { Command } from "../command.ts";
import { CommandError, ExitError } from "../failure.ts";
import { formatYaml } from "../print/yaml.ts";
import { createObject, getObject, isNotFound, patchObject } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import { fromFiles, hasFiles } from "../resource/builder.ts";
import type { Info } from "../resource/builder.ts";
import { lastAppliedOf } from "../resource/last-applied.ts";
import { threeWayPatch } from "../resource/three-way.ts";
import type { Session } from "../session.ts";
import { applyFlags } from "./apply.ts";

export const diff: Command = {
  usage: "diff -f FILENAME [options]",
  summary: "Diff the live version against a would-be applied version",
  description:
    "Diff the live version against a would-be applied version. Exit code 0: no differences, 1: some, above: something went wrong.",
  examples: `
# What would applying this file change?
cox diff -f pod.json

# The same of standard input
cat service.yaml | cox diff -f -`,
  flags: {
    ...applyFlags,
    "show-managed-fields": outputFlags["show-managed-fields"]!,
    concurrency: number(
      "Number of objects to process in parallel when diffing against the live version. Larger number = faster, but more memory, I/O and CPU over that shorter period of time.",
      { default: "1" },
    ),
    prune: bool(
      "Include resources that would be deleted by pruning. Can be used with -l and default shows all resources would be pruned",
    ),
  },
  run: async (session, args) => {
    if (!hasFiles(args)) throw new ExitError(2, "error: must specify one of -f and -k");
    const infos = await fromFiles(session, args);
    const directory = mkdtempSync(join(tmpdir(), "cox-diff-"));
    try {
      const [live, merged] = ["LIVE", "MERGED"].map((name) => join(directory, name));
      for (const path of [live, merged]) mkdirSync(path ?? "");
      const seen: Obj[] = [];
      const compare = async (info: Info): Promise<void> => {
        const now = await getObject(session, info.descriptor, info.namespace, info.name).catch((error: unknown) => {
          if (isNotFound(error)) return undefined;
          throw error;
        });
        if (now !== undefined) seen.push(now);
        const wanted = await wouldBe(session, args, info, now);
        const [left, right] = masked(now, wanted, args.flag("show-managed-fields"));
        writeFileSync(join(live ?? "", fileOf(info)), left);
        writeFileSync(join(merged ?? "", fileOf(info)), right);
      };
      const waiting = [...infos];
      const worker = async (): Promise<void> => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await compare(next);
      };
      await Promise.all(Array.from({ length: Math.max(1, args.number("concurrency")) }, worker));
      if (args.flag("prune")) {
        const { toPrune } = await import("./apply-prune.ts");
        for (const { descriptor, object } of await toPrune(session, args, seen)) {
          const { namespace, name } = object.metadata;
          const [text] = masked(object, object, args.flag("show-managed-fields"));
          writeFileSync(join(live ?? "", fileOf({ descriptor, namespace, name })), text);
        }
      }
      const [program = "diff", ...options] = (session.env["KUBECTL_EXTERNAL_DIFF"] ?? "diff -u -N").split(" ");
      const ran = spawnSync(program, [...options, live ?? "", merged ?? ""], {
        encoding: "utf8",
        maxBuffer: 256 * 1024 * 1024,
        env: session.env,
      });
      if (ran.error) throw new ExitError(2, `error: failed to run "${program}": ${ran.error.message}`);
      session.out.write(ran.stdout);
      session.err.write(ran.stderr);
      if (ran.status !== 0) throw new ExitError(ran.status === 1 ? 1 : 2);
    } catch (error) {
      if (error instanceof ExitError) throw error;
      const { describeFailure } = await import("../failure.ts");
      throw new ExitError(2, describeFailure(error));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

function fileOf({ descriptor, namespace, name }: Pick<Info, "descriptor" | "namespace" | "name">): string {
  const { group, version, kind } = descriptor;
  return `${group === "" ? "" : `${group}.`}${version}.${kind}.${namespace ?? ""}.${name}`;
}

async function wouldBe(session: Session, args: Args, info: Info, now: Obj | undefined): Promise<Obj> {
  if (args.flag("server-side")) {
    const { managedFields: _theirs, ...metadata } = info.object.metadata;
    return patchObject(
      session,
      info.descriptor,
      info,
      "apply",
      { ...info.object, metadata },
      {
        dryRun: true,
        fieldManager: args.has("field-manager") ? args.text("field-manager") : "kubectl",
        force: args.flag("force-conflicts"),
      },
    );
  }
  const modified = info.object;
  if (now === undefined) return createObject(session, info.descriptor, info.namespace, modified, { dryRun: true });
  const { findSchema } = await import("@coxswain/api");
  const schema = findSchema(info.descriptor);
  const patch = threeWayPatch(lastAppliedOf(now) ?? {}, modified, now, schema);
  if (info.object.metadata.name === undefined) throw new CommandError("an object to compare needs a name");
  return patchObject(session, info.descriptor, info, schema === undefined ? "merge" : "strategic", patch, {
    dryRun: true,
  });
}

/** Secrets are compared without being shown. */
function masked(left: Obj | undefined, right: Obj, managed: boolean): [string, string] {
  const strip = (object: Obj | undefined): Obj | undefined => {
    if (object === undefined || managed) return object;
    const { managedFields: _hidden, ...metadata } = object.metadata;
    return { ...object, metadata };
  };
  let [before, after] = [strip(left), strip(right)];
  if (right.kind === "Secret") {
    const [one, two] = [
      before?.["data"] as Record<string, string> | undefined,
      after?.["data"] as Record<string, string> | undefined,
    ];
    const hide = (
      data: Record<string, string> | undefined,
      other: Record<string, string> | undefined,
      mark: string,
    ): Record<string, string> | undefined =>
      data &&
      Object.fromEntries(
        Object.entries(data).map(([key, value]) => [
          key,
          other?.[key] !== undefined && other[key] !== value ? `*** (${mark})` : "***",
        ]),
      );
    if (before !== undefined) before = { ...before, data: hide(one, two, "before") };
    if (after !== undefined) after = { ...after, data: hide(two, one, "after") };
  }
  return [before === undefined ? "" : formatYaml(before), after === undefined ? "" : formatYaml(after)];
}
