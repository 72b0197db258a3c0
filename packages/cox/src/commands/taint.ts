// `cox taint`: what keeps pods from nodes, added, changed and removed.
import {
  allFlag,
  bool,
  dryRunFlag,
  fieldManagerFlag,
  outputFlags,
  selectorFlag,
  validateFlag,
} from "../args/common.ts";
import { UsageError } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError, throwAll } from "../failure.ts";
import { patchObject } from "../resource/api.ts";
import { collect } from "../resource/builder.ts";
import { createReporter, dryRunOf } from "../resource/report.ts";

interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

const effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

export const taint: Command = {
  usage: "taint NODE NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N [options]",
  summary: "Update the taints on one or more nodes",
  examples: `
# Keep pods away that do not tolerate it
cox taint nodes foo dedicated=special-user:NoSchedule

# Take all taints with a key away
cox taint nodes foo dedicated-`,
  flags: {
    ...selectorFlag,
    ...allFlag,
    ...outputFlags,
    ...dryRunFlag,
    ...fieldManagerFlag("kubectl-taint"),
    ...validateFlag,
    overwrite: bool(
      "If true, allow taints to be overwritten, otherwise reject taint updates that overwrite existing taints.",
    ),
  },
  run: async (session, args) => {
    const first = args.words.findIndex((word) => /[=:]/.test(word) || word.endsWith("-"));
    const names = first < 0 ? args.words : args.words.slice(0, first);
    const specs = first < 0 ? [] : args.words.slice(first);
    if (names.length === 0) throw new CommandError("one or more resources must be specified as <resource> <name>");
    if (specs.length === 0) throw new CommandError("at least one taint update is required");
    const { add, remove } = parseTaints(specs);
    const dryRun = dryRunOf(session, args);
    const report = await createReporter(session, args);
    const errors: unknown[] = [];
    const infos = await collect(session, args, { words: names });
    for (const info of infos) {
      if (info.descriptor.kind !== "Node")
        throw new CommandError(`invalid resource type ${info.descriptor.resource}, only node types are supported`);
      try {
        const { taints = [] } = info.object["spec"] as { taints?: Taint[] };
        const clash = add.filter((one) => taints.some((other) => other.key === one.key && other.effect === one.effect));
        if (clash.length > 0 && !args.flag("overwrite"))
          throw new CommandError(
            `node ${info.name} already has ${[...new Set(clash.map(({ key }) => key))].join(", ")} taint(s) with same effect(s) and --overwrite is false`,
          );
        const kept = taints.filter(
          (one) =>
            ![...add, ...remove].some(
              (other) => other.key === one.key && (other.effect === "" || other.effect === one.effect),
            ),
        );
        const missing = remove.filter(
          (one) => !taints.some((other) => other.key === one.key && (one.effect === "" || other.effect === one.effect)),
        );
        if (missing[0] !== undefined)
          throw new CommandError(
            `taint ${JSON.stringify(`${missing[0].key}${missing[0].effect === "" ? "" : `:${missing[0].effect}`}`)} not found`,
          );
        const wanted = [...add, ...kept];
        const object =
          dryRun === "client"
            ? info.object
            : await patchObject(
                session,
                info.descriptor,
                info,
                "merge",
                { spec: { taints: wanted.length === 0 ? null : wanted } },
                { dryRun: dryRun === "server", fieldManager: args.text("field-manager") },
              );
        const operation =
          remove.length > 0 && add.length === 0
            ? "untainted"
            : remove.length > 0 || clash.length > 0
              ? "modified"
              : "tainted";
        await report(info.descriptor, object, operation);
      } catch (error) {
        errors.push(error);
      }
    }
    throwAll(errors);
  },
};

function parseTaints(specs: readonly string[]): { readonly add: Taint[]; readonly remove: Taint[] } {
  const add: Taint[] = [];
  const remove: Taint[] = [];
  for (const spec of specs) {
    const removing = spec.endsWith("-");
    const [head = "", effect = "", ...more] = (removing ? spec.slice(0, -1) : spec).split(":");
    const [key = "", value] = head.split("=");
    if (more.length > 0 || key === "") throw new CommandError(`invalid taint spec: ${spec}`);
    if (effect !== "" && !effects.includes(effect))
      throw new UsageError(`invalid taint effect: ${effect}, unsupported taint effect`);
    if (removing) remove.push({ key, effect });
    else {
      if (effect === "") throw new CommandError(`unknown taint spec: ${spec}`);
      add.push({ key, ...(value === undefined || value === "" ? {} : { value }), effect });
    }
  }
  const both = add.find((one) =>
    remove.some((other) => other.key === one.key && (other.effect === "" || other.effect === one.effect)),
  );
  if (both !== undefined)
    throw new CommandError(`can not both modify and remove the following taint(s) in the same command: ${both.key}`);
  return { add, remove };
}
