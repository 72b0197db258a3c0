// `cox rollout`: status, history, undo, restart, pause and resume of what is rolled out in revisions.
import {
  bool,
  duration,
  fieldManagerFlag,
  filenameFlags,
  number,
  outputFlags,
  selectorFlag,
  dryRunFlag,
} from "../args/common.ts";
import type { Args, Flags } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError, throwAll } from "../failure.ts";
import { alignTabs, tableTabs } from "../print/tabs.ts";
import { patchObject } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import { collect, hasFiles } from "../resource/builder.ts";
import type { Info } from "../resource/builder.ts";
import { createReporter, dryRunOf } from "../resource/report.ts";
import { waitForObject } from "../resource/wait-for.ts";
import { rfc3339 } from "@coxswain/clock";
import { createLive } from "../print/live.ts";
import { rolloutProgress } from "../resource/rollout-progress.ts";
import { revisionsOf } from "../resource/revisions.ts";
import type { Session } from "../session.ts";

const flags: Flags = { ...filenameFlags, ...selectorFlag };

async function workloads(session: Session, args: Args): Promise<readonly Info[]> {
  if (args.words.length === 0 && !hasFiles(args)) throw new CommandError("required resource not specified");
  return collect(session, args, { latest: true, everything: true });
}

/** What a template's annotation or a paused flag changes, one workload after the other. */
function changing(
  done: string,
  usage: string,
  summary: string,
  change: (object: Obj, session: Session) => unknown,
): Command {
  return {
    usage,
    summary,
    flags: { ...flags, ...outputFlags, ...fieldManagerFlag("kubectl-rollout") },
    run: async (session, args) => {
      const report = await createReporter(session, args);
      const errors: unknown[] = [];
      for (const info of await workloads(session, args)) {
        try {
          const object = await patchObject(session, info.descriptor, info, "strategic", change(info.object, session), {
            fieldManager: args.text("field-manager"),
          });
          await report(info.descriptor, object, done);
        } catch (error) {
          errors.push(
            error instanceof CommandError
              ? new CommandError(
                  `${info.descriptor.resource}${info.descriptor.group === "" ? "" : `.${info.descriptor.group}`} "${info.name}" ${error.message}`,
                )
              : error,
          );
        }
      }
      throwAll(errors);
    },
  };
}

/** Only what has revisions has a history to go back in. */
function rolledOut({ descriptor: { group, kind } }: Info, what: "history" | "rollbacker"): void {
  if (!["Deployment", "StatefulSet", "DaemonSet"].includes(kind))
    throw new CommandError(
      `error retrieving ${what} for ${JSON.stringify(kind)}, no visitor method exists for {${group} ${kind}}`,
    );
}

const isPaused = (object: Obj): boolean => (object["spec"] as { paused?: boolean }).paused === true;
function needs(object: Obj, kinds: readonly string[], verb: string): void {
  if (!kinds.includes(object.kind)) throw new CommandError(`${verb} is not supported`);
}

const restart = changing("restarted", "rollout restart RESOURCE [options]", "Restart a resource", (object, session) => {
  needs(object, ["Deployment", "StatefulSet", "DaemonSet"], "restarting");
  if (isPaused(object)) throw new CommandError("can't restart paused deployment (run rollout resume first)");
  return {
    spec: {
      template: { metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": rfc3339(session.clock.now()) } } },
    },
  };
});
const pause = changing(
  "paused",
  "rollout pause RESOURCE [options]",
  "Mark the provided resource as paused",
  (object) => {
    needs(object, ["Deployment"], "pausing");
    if (isPaused(object)) throw new CommandError("is already paused");
    return { spec: { paused: true } };
  },
);
const resume = changing("resumed", "rollout resume RESOURCE [options]", "Resume a paused resource", (object) => {
  needs(object, ["Deployment"], "resuming");
  if (!isPaused(object)) throw new CommandError("is not paused");
  return { spec: { paused: null } };
});

const status: Command = {
  usage: "rollout status (TYPE NAME | TYPE/NAME) [flags] [options]",
  summary: "Show the status of the rollout",
  flags: {
    ...flags,
    revision: number("Pin to a specific revision for showing its status. Defaults to 0 (last revision)."),
    timeout: duration("The length of time to wait before ending watch, zero means never."),
    watch: bool("Watch the status of the rollout until it's done.", { default: "true", short: "w" }),
  },
  run: async (session, args) => {
    for (const info of await workloads(session, args)) {
      let said = "";
      const live = createLive(session);
      const look = (object: Obj | undefined): boolean => {
        if (object === undefined) throw new CommandError("object has been deleted");
        const progress = rolloutProgress(object, args.number("revision"));
        // On a terminal each state takes the place of the one before.
        live?.clear();
        if (live !== undefined && !progress.done && args.flag("watch") && progress.failed === undefined)
          live.show(wrapped(progress.text.trimEnd(), session.out.columns));
        else if (progress.text !== said) session.out.write(progress.text);
        said = progress.text;
        if (progress.failed !== undefined) throw new CommandError(progress.failed);
        return progress.done || !args.flag("watch");
      };
      await waitForObject(session, info, args.duration("timeout"), look).catch((error: unknown) => {
        throw (error as Error).message.startsWith("timed out waiting")
          ? new CommandError("timed out waiting for the condition")
          : error;
      });
    }
  },
};

const wrapped = (text: string, columns: number): readonly string[] =>
  text.match(new RegExp(`.{1,${columns}}`, "g")) ?? [];

const history: Command = {
  usage: "rollout history (TYPE NAME | TYPE/NAME) [flags] [options]",
  summary: "View rollout history",
  flags: {
    ...flags,
    ...outputFlags,
    revision: number("See the details, including podTemplate of the revision specified"),
  },
  run: async (session, args) => {
    for (const info of await workloads(session, args)) {
      rolledOut(info, "history");
      const revisions = await revisionsOf(session, info);
      const title = `${info.descriptor.resource === "" ? "" : `${info.descriptor.kind.toLowerCase()}${info.descriptor.group === "" ? "" : `.${info.descriptor.group}`}/${info.name}`}`;
      const wanted = args.number("revision");
      if (wanted > 0) {
        if (revisions.length === 0) {
          session.out.write(`${title} with revision #${wanted}\nNo rollout history found.\n`);
          continue;
        }
        const found = revisions.find(({ number }) => number === wanted);
        if (found === undefined) throw new CommandError(`unable to find the specified revision`);
        const { describeTemplate } = await import("../describe/pod-template.ts");
        session.out.write(`${title} with revision #${wanted}\n${describeTemplate(found.template)}`);
        continue;
      }
      if (revisions.length === 0) {
        session.out.write(`${title} \nNo rollout history found.\n`);
        continue;
      }
      const lines = revisions.map(({ number, cause }) => `${number}\t${cause === "" ? "<none>" : cause}\n`).join("");
      session.out.write(
        `${title} \n${alignTabs(`REVISION\tCHANGE-CAUSE\n${lines}`, { ...tableTabs, minWidth: 0, padding: 2 })}\n`,
      );
    }
  },
};

const undo: Command = {
  usage: "rollout undo (TYPE NAME | TYPE/NAME) [flags] [options]",
  summary: "Undo a previous rollout",
  flags: {
    ...flags,
    ...outputFlags,
    ...dryRunFlag,
    "to-revision": number("The revision to rollback to. Default to 0 (last revision)."),
  },
  run: async (session, args) => {
    const dryRun = dryRunOf(session, args);
    const report = await createReporter(session, args);
    for (const info of await workloads(session, args)) {
      rolledOut(info, "rollbacker");
      if (isPaused(info.object))
        throw new CommandError(
          `you cannot rollback a paused deployment; resume it first with 'cox rollout resume' and try again`,
        );
      const revisions = await revisionsOf(session, info);
      const to = args.number("to-revision");
      const target = to === 0 ? revisions.at(-2) : revisions.find(({ number }) => number === to);
      if (target === undefined)
        throw new CommandError(
          to === 0
            ? `no rollout history found for ${info.descriptor.kind.toLowerCase()} "${info.name}"`
            : `unable to find specified revision ${to} in history`,
        );
      const same = revisions.at(-1)?.number === target.number;
      const { labels = {}, ...metadata } = target.template.metadata ?? {};
      const { ["pod-template-hash"]: _hash, ...kept } = labels as Record<string, string>;
      const template = { ...target.template, metadata: { ...metadata, labels: kept } };
      if (!same && dryRun !== "client")
        await patchObject(
          session,
          info.descriptor,
          info,
          "json",
          [{ op: "replace", path: "/spec/template", value: template }],
          { dryRun: dryRun === "server" },
        );
      await report(
        info.descriptor,
        info.object,
        same ? `skipped rollback (current template already matches revision ${target.number})` : "rolled back",
      );
    }
  },
};

const entry = (command: Command) => ({ summary: command.summary, load: () => Promise.resolve(command) });

export const rollout: Command = {
  usage: "rollout SUBCOMMAND [options]",
  summary: "Manage the rollout of a resource",
  examples: `
# Back to the version before
cox rollout undo deployment/abc

# Wait until all pods are new
cox rollout status daemonset/foo

# Restart all pods, a few at a time
cox rollout restart deployment/abc`,
  flags: {},
  subcommands: {
    history: entry(history),
    pause: entry(pause),
    restart: entry(restart),
    resume: entry(resume),
    status: entry(status),
    undo: entry(undo),
  },
};
