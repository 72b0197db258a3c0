// `cox create`: objects from files as they are, or made from flags by the subcommands.
import { bool, filenameFlags, lineEndingsFlag, selectorFlag, text } from "../args/common.ts";
import { UsageError } from "../args/flags.ts";
import type { Args } from "../args/flags.ts";
import type { Command, CommandEntry } from "../command.ts";
import { CommandError, SourceError, throwAll } from "../failure.ts";
import { creationFlags } from "../create/creation.ts";
import { call, createObject } from "../resource/api.ts";
import { fromFiles, hasFiles } from "../resource/builder.ts";
import { withLastApplied } from "../resource/last-applied.ts";
import { createReporter, dryRunOf } from "../resource/report.ts";
import { fieldValidationOf } from "../resource/validation.ts";
import type { Session } from "../session.ts";

const workloads =
  (name: keyof typeof import("../create/workloads.ts")): CommandEntry["load"] =>
  async () =>
    (await import("../create/workloads.ts"))[name];
const access =
  (name: keyof typeof import("../create/access.ts")): CommandEntry["load"] =>
  async () =>
    (await import("../create/access.ts"))[name];

export const create: Command = {
  usage: "create -f FILENAME [options]",
  summary: "Create a resource from a file or from stdin",
  examples: `
# From a file
cox create -f ./pod.json

# From standard input
cat pod.json | cox create -f -`,
  flags: {
    ...creationFlags,
    ...filenameFlags,
    ...selectorFlag,
    edit: bool("Edit the API resource before creating."),
    raw: text("Raw URI to POST to the server."),
    ...lineEndingsFlag,
  },
  subcommands: {
    clusterrole: { summary: "Create a cluster role", load: access("clusterRole") },
    clusterrolebinding: {
      summary: "Create a cluster role binding for a particular cluster role",
      load: access("clusterRoleBinding"),
    },
    configmap: {
      summary: "Create a config map from a local file, directory or literal value",
      aliases: ["cm"],
      load: async () => (await import("../create/config.ts")).configMap,
    },
    cronjob: { summary: "Create a cron job with the specified name", aliases: ["cj"], load: workloads("cronJob") },
    deployment: {
      summary: "Create a deployment with the specified name",
      aliases: ["deploy"],
      load: workloads("deployment"),
    },
    ingress: { summary: "Create an ingress with the specified name", aliases: ["ing"], load: workloads("ingress") },
    job: { summary: "Create a job with the specified name", load: workloads("job") },
    namespace: { summary: "Create a namespace with the specified name", aliases: ["ns"], load: workloads("namespace") },
    poddisruptionbudget: {
      summary: "Create a pod disruption budget with the specified name",
      aliases: ["pdb"],
      load: workloads("pdb"),
    },
    priorityclass: {
      summary: "Create a priority class with the specified name",
      aliases: ["pc"],
      load: workloads("priorityClass"),
    },
    quota: { summary: "Create a quota with the specified name", aliases: ["resourcequota"], load: workloads("quota") },
    role: { summary: "Create a role with single rule", load: access("role") },
    rolebinding: {
      summary: "Create a role binding for a particular role or cluster role",
      load: access("roleBinding"),
    },
    secret: {
      summary: "Create a secret using a specified subcommand",
      load: async () => (await import("../create/config.ts")).secret,
    },
    service: {
      summary: "Create a service using a specified subcommand",
      aliases: ["svc"],
      load: async () => (await import("../create/service.ts")).service,
    },
    serviceaccount: {
      summary: "Create a service account with the specified name",
      aliases: ["sa"],
      load: workloads("serviceAccount"),
    },
    token: { summary: "Request a service account token", load: async () => (await import("../create/token.ts")).token },
  },
  run: async (session, args) => {
    if (args.text("raw") !== "") return sendRaw(session, args, "POST");
    if (!hasFiles(args))
      throw args.words.length > 0
        ? new UsageError(`Unexpected args: [${args.words.join(" ")}]`)
        : new CommandError("must specify one of -f and -k");
    const dryRun = dryRunOf(session, args);
    const report = await createReporter(session, args);
    const errors: unknown[] = [];
    const files = await fromFiles(session, args);
    const infos = args.flag("edit") ? await (await import("./edit-new.ts")).editNew(session, args, files) : files;
    for (const info of infos) {
      const object = args.flag("save-config") ? withLastApplied(info.object) : info.object;
      try {
        const made =
          dryRun === "client"
            ? object
            : await createObject(session, info.descriptor, info.namespace, object, {
                dryRun: dryRun === "server",
                fieldManager: args.text("field-manager"),
                fieldValidation: fieldValidationOf(args),
              });
        await report(info.descriptor, made, "created");
      } catch (error) {
        errors.push(new SourceError(`error when creating "${info.source}"`, error));
      }
    }
    throwAll(errors);
  },
};

/** A file's text as it is, or standard input's, to an address of the API; its answer on standard output. */
export async function sendRaw(session: Session, args: Args, method: "POST" | "PUT"): Promise<void> {
  const [file = "-"] = args.list("filename");
  const { readFileSync } = await import("node:fs");
  const body = file === "-" ? await session.readStdin() : readFileSync(file, "utf8");
  session.out.write(`${JSON.stringify(await call(session, { method, path: args.text("raw"), body }))}\n`);
}
