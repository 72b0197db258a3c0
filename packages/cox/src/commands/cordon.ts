// `cox cordon` and `cox uncordon`: whether new pods may come to a node.
import { dryRunFlag, selectorFlag } from "../args/common.ts";
import { UsageError } from "../args/flags.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { patchObject } from "../resource/api.ts";
import { collect } from "../resource/builder.ts";
import type { Info } from "../resource/builder.ts";
import { dryRunOf } from "../resource/report.ts";
import type { Session } from "../session.ts";

function command(verb: "cordon" | "uncordon"): Command {
  return {
    usage: `${verb} NODE [options]`,
    summary: verb === "cordon" ? "Mark node as unschedulable" : "Mark node as schedulable",
    flags: { ...selectorFlag, ...dryRunFlag },
    run: async (session, args) => {
      for (const node of await nodesOf(session, args, verb)) await setCordon(session, args, node, verb === "cordon");
    },
  };
}

export const cordon = command("cordon");
export const uncordon = command("uncordon");

export async function nodesOf(session: Session, args: Args, verb: string): Promise<readonly Info[]> {
  if (args.words.length === 0 && args.text("selector") === "") throw new UsageError(`USAGE: ${verb} NODE [flags]`);
  if (args.words.length > 0 && args.text("selector") !== "")
    throw new UsageError("cannot specify both a node name and a --selector option");
  return collect(session, args, { words: args.words.length === 0 ? ["nodes"] : ["nodes", ...args.words] });
}

export async function setCordon(session: Session, args: Args, node: Info, wanted: boolean): Promise<void> {
  const dryRun = dryRunOf(session, args);
  const now = (node.object["spec"] as { unschedulable?: boolean } | undefined)?.unschedulable === true;
  const done = wanted ? "cordoned" : "uncordoned";
  if (now !== wanted && dryRun !== "client")
    await patchObject(
      session,
      node.descriptor,
      node,
      "strategic",
      { spec: { unschedulable: wanted ? true : null } },
      { dryRun: dryRun === "server" },
    );
  const suffix = dryRun === "client" ? " (dry run)" : dryRun === "server" ? " (server dry run)" : "";
  session.out.write(`node/${node.name} ${now === wanted ? `already ${done}` : done}${suffix}\n`);
}
