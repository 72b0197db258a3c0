// `cox delete`: asks the server to delete, then waits until the objects are gone, unless told not to.
import { StatusError } from "@coxswain/apimachinery";
import {
  allFlag,
  allNamespacesFlag,
  bool,
  dryRunFlag,
  duration,
  fieldSelectorFlag,
  filenameFlags,
  number,
  outputFlags,
  selectorFlag,
  text,
} from "../args/common.ts";
import { UsageError } from "../args/flags.ts";
import type { Args } from "../args/flags.ts";
import { agreed } from "../ask.ts";
import type { Command } from "../command.ts";
import { CommandError, throwAll } from "../failure.ts";
import { call, pathOf } from "../resource/api.ts";
import { collectWithErrors, hasFiles } from "../resource/builder.ts";
import type { Info } from "../resource/builder.ts";
import { kindName } from "../resource/mapper.ts";
import { dryRunOf } from "../resource/report.ts";
import type { DryRun } from "../resource/report.ts";
import { waitUntilGone } from "../resource/wait-gone.ts";
import type { Session } from "../session.ts";

export const deleteCommand: Command = {
  usage: "delete ([-f FILENAME] | [-k DIRECTORY] | TYPE [(NAME | -l label | --all)]) [options]",
  summary: "Delete resources by file names, stdin, resources and names, or by resources and label selector",
  examples: `
# Delete what a file describes
cox delete -f ./pod.json

# Delete pods and services with a label
cox delete pods,services -l name=myLabel

# Delete a pod now, without waiting for its node
cox delete pod foo --grace-period=0 --force`,
  flags: {
    ...filenameFlags,
    ...selectorFlag,
    ...fieldSelectorFlag,
    ...allFlag,
    ...allNamespacesFlag,
    ...dryRunFlag,
    output: outputFlags["output"]!,
    cascade: text('Must be "background", "orphan", or "foreground".', { default: "background", bare: "background" }),
    force: bool("If true, immediately remove resources from API and bypass graceful deletion."),
    "grace-period": number("Period of time in seconds given to the resource to terminate gracefully.", {
      default: "-1",
    }),
    "ignore-not-found": bool('Treat "resource not found" as a successful delete.'),
    interactive: bool("If true, delete resource only when user confirms.", { short: "i" }),
    now: bool("If true, resources are signaled for immediate shutdown (same as --grace-period=1)."),
    raw: text("Raw URI to DELETE to the server."),
    timeout: duration(
      "The length of time to wait before giving up on a delete, zero means determine a timeout from the size of the object",
    ),
    wait: bool("If true, wait for resources to be gone before returning. This waits for finalizers.", {
      default: "true",
    }),
  },
  run: async (session, args) => {
    if (args.text("raw") !== "") {
      const answer = await call(session, { method: "DELETE", path: args.text("raw") });
      session.out.write(`${JSON.stringify(answer)}\n`);
      return;
    }
    if (args.words.length === 0 && !hasFiles(args))
      throw new CommandError(
        "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'",
      );
    if (args.text("output") !== "" && args.text("output") !== "name")
      throw new UsageError(`unexpected -o output mode: ${args.text("output")}. We only support '-o name'`);
    const { infos, errors } = await collectWithErrors(session, args, {
      ignoreNotFound: args.flag("ignore-not-found") || args.flag("all"),
    });
    if (infos.length > 0 && args.flag("interactive") && !(await confirmed(session, infos))) return;
    if (!(await sure(session, args, infos))) return;
    const gone = await deleteInfos(session, args, infos, errors);
    if (infos.length === 0 && errors.length === 0 && !args.flag("ignore-not-found"))
      session.out.write("No resources found\n");
    throwAll(gone);
  },
};

interface Deleting {
  readonly dryRun: DryRun;
  readonly gracePeriod: number;
  readonly cascade: string;
  readonly force: boolean;
}

function settings(session: Session, args: Args): Deleting {
  let gracePeriod = args.number("grace-period");
  const force = args.flag("force");
  if (args.flag("now")) {
    if (gracePeriod !== -1) throw new CommandError("--now and --grace-period cannot be specified together");
    gracePeriod = 1;
  }
  if (gracePeriod === 0 && !force) gracePeriod = 1; // no data is lost by mistake
  if (force && gracePeriod < 0) gracePeriod = 0;
  if (gracePeriod > 0 && force)
    throw new CommandError("--force and --grace-period greater than 0 cannot be specified together");
  return { dryRun: dryRunOf(session, args), gracePeriod, cascade: cascadeOf(args), force };
}

export function cascadeOf(args: Args): string {
  const cascade = { true: "background", false: "orphan" }[args.text("cascade")] ?? args.text("cascade");
  if (!["background", "orphan", "foreground"].includes(cascade))
    throw new CommandError(`invalid cascade value (${cascade}). Must be "background", "foreground", or "orphan"`);
  return cascade;
}

/** Deletes each, says so, and waits. Answers what went wrong, `earlier` first. */
async function deleteInfos(
  session: Session,
  args: Args,
  infos: readonly Info[],
  earlier: readonly unknown[],
): Promise<unknown[]> {
  const deleting = settings(session, args);
  if (deleting.force && deleting.gracePeriod === 0 && deleting.dryRun === "none" && infos.length > 0)
    session.err.write(
      "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n",
    );
  const errors: unknown[] = [...earlier];
  const deleted: Info[] = [];
  for (const info of infos) {
    try {
      if (deleting.dryRun !== "client") await deleteOne(session, info, deleting);
      deleted.push(info);
      tell(session, args, info, deleting);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      if (error.status.code === 404 && args.flag("ignore-not-found")) continue;
      errors.push(error);
    }
  }
  if (args.flag("wait") && deleting.dryRun === "none")
    errors.push(...(await waitUntilGone(session, deleted, args.duration("timeout"))));
  return errors;
}

export function deleteOne(
  session: Session,
  info: Pick<Info, "descriptor" | "namespace" | "name">,
  { dryRun, gracePeriod, cascade }: Pick<Deleting, "dryRun" | "gracePeriod" | "cascade">,
): Promise<unknown> {
  return call(session, {
    method: "DELETE",
    path: pathOf(info.descriptor, info.namespace, info.name),
    body: {
      apiVersion: "v1",
      kind: "DeleteOptions",
      propagationPolicy: `${cascade[0]?.toUpperCase()}${cascade.slice(1)}`,
      ...(gracePeriod >= 0 ? { gracePeriodSeconds: gracePeriod } : {}),
      ...(dryRun === "server" ? { dryRun: ["All"] } : {}),
    },
  });
}

function tell(session: Session, args: Args, info: Info, { dryRun, gracePeriod }: Deleting): void {
  const kind = kindName(info.descriptor);
  if (args.text("output") === "name") {
    session.out.write(`${kind}/${info.name}\n`);
    return;
  }
  const operation = gracePeriod === 0 ? "force deleted" : "deleted";
  const suffix = dryRun === "client" ? " (dry run)" : dryRun === "server" ? " (server dry run)" : "";
  session.out.write(`${kind} "${info.name}" ${operation}${suffix}\n`);
}

function confirmed(session: Session, infos: readonly Info[]): Promise<boolean> {
  session.out.write(
    `You are about to delete the following ${infos.length} resource(s):\n${infos.map((info) => `${kindName(info.descriptor)}/${info.name}\n`).join("")}`,
  );
  return goOn(session, session.out, "Do you want to continue?");
}

/** What goes with an object, and does not come back when the object is made again. */
const lossOf: Readonly<Record<string, string>> = {
  namespaces: "everything in it goes, too",
  persistentvolumes: "its data may go, too",
  persistentvolumeclaims: "its data may go, too",
  "customresourcedefinitions.apiextensions.k8s.io": "every object of its kind goes, too",
};

/** At a terminal, where data would be lost; `--interactive=false` says that one means it. Scripts are never asked. */
function sure(session: Session, args: Args, infos: readonly Info[]): boolean | Promise<boolean> {
  if (!session.input.isTerminal || !session.err.isTerminal) return true;
  if (args.has("interactive") || args.text("dry-run") !== "none") return true;
  const losses = infos.flatMap(({ descriptor, name }) => {
    const { resource, group } = descriptor;
    const loss = lossOf[group === "" ? resource : `${resource}.${group}`];
    return loss === undefined ? [] : [`${kindName(descriptor)}/${name}: ${loss}`];
  });
  if (losses.length === 0) return true;
  session.err.write(`This cannot be undone:\n${losses.map((line) => `  ${line}\n`).join("")}`);
  return goOn(session, session.err, "Do you want to continue?");
}

async function goOn(session: Session, output: Session["out"], question: string): Promise<boolean> {
  if (await agreed(session, output, question)) return true;
  output.write("deletion is cancelled\n");
  return false;
}
