// `cox apply`: makes the cluster match manifests. By a three-way patch against what was applied before, or on the server (--server-side),
// which knows who owns which field.
import { StatusError } from "@coxswain/apimachinery";
import {
  allFlag,
  array,
  bool,
  dryRunFlag,
  duration,
  fieldManagerFlag,
  filenameFlags,
  number,
  outputFlags,
  selectorFlag,
  text,
  validateFlag,
} from "../args/common.ts";
import { UsageError } from "../args/flags.ts";
import type { Args } from "../args/flags.ts";
import type { Command, CommandEntry } from "../command.ts";
import { CommandError, SourceError, throwAll } from "../failure.ts";
import { createObject, getObject, isNotFound, patchObject } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import { fromFiles, hasFiles } from "../resource/builder.ts";
import type { Info } from "../resource/builder.ts";
import { lastAppliedAnnotation, withLastApplied } from "../resource/last-applied.ts";
import { createReporter, dryRunOf } from "../resource/report.ts";
import type { DryRun } from "../resource/report.ts";
import { threeWayPatch } from "../resource/three-way.ts";
import { fieldValidationOf } from "../resource/validation.ts";
import type { Session } from "../session.ts";

const viewLastApplied: CommandEntry = {
  summary: "View the latest last-applied-configuration annotations of a resource/object",
  load: () => import("./apply-last-applied.ts").then((module) => module.viewLastApplied),
};
const setLastApplied: CommandEntry = {
  summary: "Set the last-applied-configuration annotation on a live object to match the contents of a file",
  load: () => import("./apply-last-applied.ts").then((module) => module.setLastApplied),
};

const editLastApplied: CommandEntry = {
  summary: "Edit latest last-applied-configuration annotations of a resource/object",
  load: () => import("./apply-last-applied.ts").then((module) => module.editLastApplied),
};

/** Those that `diff` has, too. */
export const applyFlags = {
  ...filenameFlags,
  ...selectorFlag,
  ...fieldManagerFlag("kubectl-client-side-apply"),
  "prune-allowlist": array("Overwrite the default allowlist with <group/version/kind> for --prune"),
  "server-side": bool("If true, apply runs in the server instead of the client."),
  "force-conflicts": bool("If true, server-side apply will force the changes against conflicts."),
};

export const apply: Command = {
  usage: "apply (-f FILENAME | -k DIRECTORY) [options]",
  summary: "Apply a configuration to a resource by file name or stdin",
  examples: `
# Apply what a file says
cox apply -f ./pod.json

# Apply what comes on standard input
cat pod.json | cox apply -f -

# Apply on the server, taking over fields that others own
cox apply --server-side --force-conflicts -f deploy/

# Delete what has the label and is not in the folder any more
cox apply --prune -f manifests/ -l app=nginx`,
  flags: {
    ...applyFlags,
    ...allFlag,
    ...dryRunFlag,
    ...validateFlag,
    ...outputFlags,
    cascade: text('Must be "background", "orphan", or "foreground".', { default: "background", bare: "background" }),
    force: bool("If true, immediately remove resources from API and bypass graceful deletion."),
    "grace-period": number("Period of time in seconds given to the resource to terminate gracefully.", {
      default: "-1",
    }),
    overwrite: bool(
      "Automatically resolve conflicts between the modified and live configuration by using values from the modified configuration",
      { default: "true" },
    ),
    "openapi-patch": bool(
      "If true, use openapi to calculate diff when the openapi presents and the resource can be found in the openapi spec. cox has the built-in types and uses them in either case.",
      { default: "true" },
    ),
    prune: bool(
      "Automatically delete resource objects, that do not appear in the configs and are created by either apply or create --save-config.",
    ),
    subresource: text(
      "If specified, apply will operate on the subresource of the requested object.  Only allowed when using --server-side.",
    ),
    timeout: duration(
      "The length of time to wait before giving up on a delete by --force or --prune, zero means as long as it takes",
    ),
    wait: bool("If true, wait for pruned resources to be gone before returning. This waits for finalizers."),
  },
  subcommands: {
    "edit-last-applied": editLastApplied,
    "set-last-applied": setLastApplied,
    "view-last-applied": viewLastApplied,
  },
  run: async (session, args) => {
    checkFlags(args);
    const dryRun = dryRunOf(session, args);
    const serverSide = args.flag("server-side");
    if (dryRun === "client" && serverSide)
      throw new CommandError(
        "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)",
      );
    let infos = await fromFiles(session, args);
    if (args.text("selector") !== "") infos = await selected(infos, args.text("selector"));
    if (infos.length === 0) throw new CommandError("no objects passed to apply");
    const report = await createReporter(session, args);
    const done: { info: Info; object: Obj; operation: string }[] = [];
    const errors: unknown[] = [];
    for (const info of infos) {
      try {
        const result = serverSide
          ? { object: await applyOnServer(session, args, info, dryRun), operation: "serverside-applied" }
          : await applyHere(session, args, info, dryRun);
        done.push({ info, ...result });
        if (!wantsObjects(args)) await report(info.descriptor, result.object, result.operation);
      } catch (error) {
        errors.push(error);
      }
    }
    if (wantsObjects(args))
      await printAll(
        session,
        args,
        done.map(({ object }) => object),
      );
    if (args.flag("prune") && errors.length === 0) {
      const { prune } = await import("./apply-prune.ts");
      await prune(
        session,
        args,
        done.map(({ object }) => object),
        dryRun,
      );
    }
    throwAll(errors);
  },
};

function checkFlags(args: Args): void {
  if (args.words.length > 0) throw new UsageError(`Unexpected args: [${args.words.join(" ")}]`);
  if (!hasFiles(args)) throw new CommandError("must specify one of -f and -k");
  if (args.flag("force-conflicts") && !args.flag("server-side"))
    throw new CommandError("--force-conflicts only works with --server-side");
  if (args.flag("force") && args.text("dry-run") === "server")
    throw new CommandError("--dry-run=server cannot be used with --force");
  if (args.flag("force") && args.flag("server-side"))
    throw new CommandError("--force cannot be used with --server-side");
  if (args.text("subresource") !== "" && !args.flag("server-side"))
    throw new CommandError("--subresource can only be specified for --server-side");
  if (args.flag("prune") && !args.flag("all") && args.text("selector") === "")
    throw new CommandError(
      "all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If you did not mean to prune all resources, specify a label selector",
    );
}

const wantsObjects = (args: Args): boolean => args.text("output") !== "" && args.text("output") !== "name";

async function printAll(session: Session, args: Args, objects: readonly Obj[]): Promise<void> {
  const { createPrinter } = await import("../print/printer.ts");
  const printer = await createPrinter(args);
  if (printer === undefined || objects.length === 0) return;
  session.out.write(
    await printer(objects.length === 1 ? objects[0] : { apiVersion: "v1", items: objects, kind: "List", metadata: {} }),
  );
}

async function selected(infos: readonly Info[], selector: string): Promise<Info[]> {
  const { parseLabelSelector } = await import("@coxswain/apimachinery");
  const matches = parseLabelSelector(selector);
  return infos.filter((info) => matches.matches(info.object.metadata.labels ?? {}));
}

async function applyOnServer(session: Session, args: Args, info: Info, dryRun: DryRun): Promise<Obj> {
  const { managedFields: _theirs, ...metadata } = info.object.metadata;
  try {
    return await patchObject(
      session,
      info.descriptor,
      info,
      "apply",
      { ...info.object, metadata },
      {
        ...(args.text("subresource") === "" ? {} : { subresource: args.text("subresource") }),
        dryRun: dryRun === "server",
        fieldManager: args.has("field-manager") ? args.text("field-manager") : "kubectl",
        fieldValidation: fieldValidationOf(args),
        force: args.flag("force-conflicts"),
      },
    );
  } catch (error) {
    if (error instanceof StatusError && error.status.code === 409)
      throw new CommandError(
        `error: Apply failed with ${error.message.replace(/^Apply failed with /, "")}\nPlease review the fields above--they currently have other managers. Here\nare the ways you can resolve this warning:\n* If you intend to manage all of these fields, please re-run the apply\n  command with the \`--force-conflicts\` flag.\n* If you do not intend to manage all of the fields, please edit your\n  manifest to remove references to the fields that should keep their\n  current managers.\n* You may co-own fields by updating your manifest to match the existing\n  value; in this case, you'll become the manager if the other manager(s)\n  stop managing the field (remove it from their configuration).\nSee https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts`,
        { cause: error },
      );
    throw error;
  }
}

async function applyHere(
  session: Session,
  args: Args,
  info: Info,
  dryRun: DryRun,
): Promise<{ object: Obj; operation: string }> {
  const modified = withLastApplied(info.object);
  const writing = {
    dryRun: dryRun === "server",
    fieldManager: args.text("field-manager"),
    fieldValidation: fieldValidationOf(args),
  };
  const current = await getObject(session, info.descriptor, info.namespace, info.name).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw new SourceError(
      `error when retrieving current configuration of:\n${resourceText(info)}\nfrom server for: "${info.source}"`,
      error,
    );
  });
  if (current === undefined) {
    if (dryRun === "client") return { object: modified, operation: "created" };
    try {
      return {
        object: await createObject(session, info.descriptor, info.namespace, modified, writing),
        operation: "created",
      };
    } catch (error) {
      throw new SourceError(`error when creating "${info.source}"`, error);
    }
  }
  const annotation = current.metadata.annotations?.[lastAppliedAnnotation];
  if (annotation === undefined)
    session.err.write(
      `Warning: resource ${info.descriptor.resource}/${info.name} is missing the ${lastAppliedAnnotation} annotation which is required by cox apply. cox apply should only be used on resources created declaratively by either cox create --save-config or cox apply. The missing annotation will be patched automatically.\n`,
    );
  if (dryRun === "client") return { object: current, operation: "configured" };
  const original = annotation === undefined ? {} : (JSON.parse(annotation) as Record<string, unknown>);
  const { findSchema } = await import("@coxswain/api");
  const schema = findSchema(info.descriptor);
  const patch = threeWayPatch(original, modified, current, schema);
  if (!args.flag("overwrite")) {
    const { refuseOverwriting } = await import("../resource/overwriting.ts");
    refuseOverwriting(original, current, patch, schema);
  }
  if (Object.keys(patch).length === 0) return { object: current, operation: "unchanged" };
  try {
    const object = await patchObject(
      session,
      info.descriptor,
      info,
      schema === undefined ? "merge" : "strategic",
      patch,
      writing,
    );
    return { object, operation: "configured" };
  } catch (error) {
    if (args.flag("force") && error instanceof StatusError && [409, 422].includes(error.status.code))
      return { object: await recreate(session, args, info, modified, writing), operation: "configured" };
    throw new SourceError(
      `error when applying patch:\n${JSON.stringify(patch)}\nto:\n${resourceText(info)}\nfor: "${info.source}"`,
      error,
    );
  }
}

async function recreate(
  session: Session,
  args: Args,
  info: Info,
  modified: Obj,
  writing: Parameters<typeof createObject>[4],
): Promise<Obj> {
  const [{ cascadeOf, deleteOne }, { waitUntilGone }] = await Promise.all([
    import("./delete.ts"),
    import("../resource/wait-gone.ts"),
  ]);
  await deleteOne(session, info, { dryRun: "none", gracePeriod: 0, cascade: cascadeOf(args) });
  throwAll(await waitUntilGone(session, [info], args.duration("timeout")));
  return createObject(session, info.descriptor, info.namespace, modified, writing);
}

function resourceText(info: Info): string {
  const { group, version, resource, kind } = info.descriptor;
  return `Resource: "${group === "" ? "" : `${group}/`}${version}, Resource=${resource}", GroupVersionKind: "${group === "" ? "" : `${group}/`}${version}, Kind=${kind}"\nName: "${info.name}", Namespace: "${info.namespace ?? ""}"`;
}
