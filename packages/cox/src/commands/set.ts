// `cox set`: images, variables, resources, accounts, selectors and subjects, changed in what is there.
import { array, bool, deepFilenameFlags, editingFlags, slice, text } from "../args/common.ts";
import type { Args, Flags } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { pairs } from "../create/creation.ts";
import { CommandError, throwAll } from "../failure.ts";
import { patchObject } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import { collect, hasFiles } from "../resource/builder.ts";
import type { Info } from "../resource/builder.ts";
import { createReporter, dryRunOf, printsObject } from "../resource/report.ts";
import { createMergePatch } from "@coxswain/apimachinery";
import type { JsonObject } from "@coxswain/apimachinery";
import type { Session } from "../session.ts";

interface Container {
  name: string;
  image?: string;
  env?: { name: string; value?: string; valueFrom?: unknown }[];
  resources?: { limits?: Record<string, string>; requests?: Record<string, string> };
}
interface PodSpec {
  containers: Container[];
  initContainers?: Container[];
  serviceAccountName?: string;
  serviceAccount?: string;
}

/** The pod's spec inside of any workload; undefined for what has none. */
function podSpec(object: Obj): PodSpec | undefined {
  const spec = object["spec"] as
    (PodSpec & { template?: { spec: PodSpec }; jobTemplate?: { spec: { template: { spec: PodSpec } } } }) | undefined;
  if (object.kind === "Pod") return spec;
  return object.kind === "CronJob" ? spec?.jobTemplate?.spec.template.spec : spec?.template?.spec;
}

/** `change` changes a copy; what differs is patched. Answers false to leave an object alone. */
async function apply(
  session: Session,
  args: Args,
  words: readonly string[],
  done: string,
  change: (object: Obj, info: Info) => void,
): Promise<void> {
  const local = args.flag("local");
  const dryRun = dryRunOf(session, args);
  const report = await createReporter(session, args);
  const errors: unknown[] = [];
  for (const info of await collect(session, args, { words, latest: true, local })) {
    try {
      const wanted = structuredClone(info.object);
      change(wanted, info);
      const patch = createMergePatch(info.object as JsonObject, wanted as JsonObject);
      if (Object.keys(patch).length === 0 && !printsObject(args)) continue;
      const object =
        local || dryRun === "client"
          ? wanted
          : await patchObject(session, info.descriptor, info, "merge", patch, {
              dryRun: dryRun === "server",
              fieldManager: args.text("field-manager"),
            });
      await report(info.descriptor, object, done);
    } catch (error) {
      errors.push(error);
    }
  }
  throwAll(errors);
}

function specOf(object: Obj, info: Info): PodSpec {
  const spec = podSpec(object);
  if (spec === undefined)
    throw new CommandError(
      `${info.descriptor.resource}/${info.name} the object is not a pod or does not have a pod template: *${info.descriptor.version}.${object.kind}`,
    );
  return spec;
}

/** Words that name objects, and those that say what changes. */
function split(args: Args): { readonly names: string[]; readonly changes: string[] } {
  const first = args.words.findIndex((word) => word.includes("=") || (word.endsWith("-") && word.length > 1));
  const names = first < 0 ? [...args.words] : args.words.slice(0, first);
  if (names.length === 0 && !hasFiles(args))
    throw new CommandError("one or more resources must be specified as <resource> <name> or <resource>/<name>");
  return { names, changes: first < 0 ? [] : args.words.slice(first) };
}

const flags = (more: Flags = {}): Flags => ({ ...editingFlags("kubectl-set"), ...more });
const allContainers = (spec: PodSpec): Container[] => [...spec.containers, ...(spec.initContainers ?? [])];
const chosen = (containers: readonly Container[], pattern: string): Container[] => {
  const expression = new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`);
  return containers.filter(({ name }) => expression.test(name));
};

const image: Command = {
  usage:
    "set image (-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ... CONTAINER_NAME_N=CONTAINER_IMAGE_N [options]",
  summary: "Update the image of a pod template",
  flags: flags(),
  run: async (session, args) => {
    const { names, changes } = split(args);
    if (changes.length === 0) throw new CommandError("at least one image update is required");
    const images = pairs(changes, "image");
    await apply(session, args, names, "image updated", (object, info) => {
      const spec = specOf(object, info);
      for (const [name, value] of Object.entries(images)) {
        const hit = chosen([...(spec.initContainers ?? []), ...spec.containers], name);
        if (hit.length === 0) throw new CommandError(`unable to find container named "${name}"`);
        for (const container of hit) container.image = value;
      }
    });
  },
};

const env: Command = {
  usage: "set env RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N [options]",
  summary: "Update environment variables on a pod template",
  flags: flags({
    containers: text("The names of containers in the selected pod templates to change - may use wildcards", {
      short: "c",
      default: "*",
    }),
    env: array("Specify a key-value pair for an environment variable to set into each container.", { short: "e" }),
    from: text("The name of a resource from which to inject environment variables"),
    keys: slice("Comma-separated list of keys to import from specified resource"),
    list: bool("If true, display the environment and any changes in the standard format."),
    overwrite: bool(
      "If true, allow environment to be overwritten, otherwise reject updates that overwrite existing environment.",
      { default: "true" },
    ),
    prefix: text("Prefix to append to variable names"),
    resolve: bool("If true, show secret or configmap references when listing variables"),
  }),
  run: async (session, args) => {
    const { names, changes } = split(args);
    const all = [...changes, ...args.list("env")];
    const remove = all.filter((word) => word.endsWith("-") && !word.includes("=")).map((word) => word.slice(0, -1));
    const set = pairs(
      all.filter((word) => word.includes("=")),
      "env",
    );
    if (args.flag("list")) {
      const { listVariables } = await import("./set-env-list.ts");
      const local = args.flag("local");
      for (const info of await collect(session, args, { words: names, latest: true, local }))
        for (const container of chosen(allContainers(specOf(info.object, info)), args.text("containers")))
          await listVariables(session, info, container, args.flag("resolve"));
      return;
    }
    const from = args.text("from") === "" ? [] : await imported(session, args);
    await apply(session, args, names, "env updated", (object, info) => {
      const hit = chosen(specOf(object, info).containers, args.text("containers"));
      if (hit.length === 0)
        session.err.write(
          `Warning: ${info.descriptor.kind}/${info.name} does not have any containers matching "${args.text("containers")}"\n`,
        );
      for (const container of hit) {
        const now = (container.env ?? []).filter(({ name }) => !remove.includes(name));
        for (const variable of [...from, ...Object.entries(set).map(([name, value]) => ({ name, value }))]) {
          const at = now.findIndex(({ name }) => name === variable.name);
          if (at < 0) now.push(variable);
          else if (!args.flag("overwrite"))
            throw new CommandError(
              `'${variable.name}' already has a value (${now[at]?.value ?? ""}), and --overwrite is false`,
            );
          else now[at] = variable;
        }
        if (now.length === 0) delete container.env;
        else container.env = now;
      }
    });
  },
};

async function imported(session: Session, args: Args): Promise<{ name: string; valueFrom: unknown }[]> {
  const [source] = await collect(session, args, { words: [args.text("from")], latest: true });
  if (source === undefined || !["ConfigMap", "Secret"].includes(source.object.kind))
    throw new CommandError(`unsupported resource specified in --from`);
  const field = source.object.kind === "Secret" ? "secretKeyRef" : "configMapKeyRef";
  const keys = Object.keys((source.object["data"] ?? {}) as object).filter(
    (key) => args.list("keys").length === 0 || args.list("keys").includes(key),
  );
  return keys.map((key) => {
    const name = key.toUpperCase().replace(/[^A-Z0-9_]/g, "_");
    if (name !== key) session.err.write(`Warning: key ${key} transferred to ${name}\n`);
    return { name: `${args.text("prefix")}${name}`, valueFrom: { [field]: { key, name: source.name } } };
  });
}

/** "cpu=1,memory=1Gi", refused here where a quantity is none. */
function amounts(list: readonly string[]): Record<string, string> {
  for (const entry of list) {
    const equals = entry.indexOf("=");
    if (equals <= 0) throw new CommandError(`Invalid argument syntax ${entry}, expected <resource>=<value>`);
    if (!/^[+-]?[0-9.]+[eEinumkKMGTP]*[-+]?[0-9]*$/.test(entry.slice(equals + 1)))
      throw new CommandError(
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
      );
  }
  return pairs(list, "resource");
}

const resources: Command = {
  usage: "set resources (-f FILENAME | TYPE NAME)  ([--limits=LIMITS & --requests=REQUESTS] [options]",
  summary: "Update resource requests/limits on objects with pod templates",
  flags: flags({
    containers: text("The names of containers in the selected pod templates to change", { short: "c", default: "*" }),
    limits: text("The resource requirement limits for this container."),
    requests: text("The resource requirement requests for this container."),
  }),
  run: async (session, args) => {
    const [limits, requests] = ["limits", "requests"].map((name) =>
      args.text(name) === "" ? {} : amounts(args.text(name).split(",")),
    );
    if (args.text("limits") === "" && args.text("requests") === "")
      throw new CommandError("you must specify an update to requests or limits (in the form of --requests/--limits)");
    await apply(session, args, args.words, "resource requirements updated", (object, info) => {
      const hit = chosen(specOf(object, info).containers, args.text("containers"));
      if (hit.length === 0) throw new CommandError(`unable to find container named ${args.text("containers")}`);
      for (const container of hit) {
        const now = container.resources ?? {};
        container.resources = {
          ...now,
          ...(Object.keys(limits ?? {}).length === 0 ? {} : { limits: { ...now.limits, ...limits } }),
          ...(Object.keys(requests ?? {}).length === 0 ? {} : { requests: { ...now.requests, ...requests } }),
        };
      }
    });
  },
};

const serviceAccount: Command = {
  usage: "set serviceaccount (-f FILENAME | TYPE NAME) SERVICE_ACCOUNT [options]",
  summary: "Update the service account of a resource",
  flags: flags(),
  run: async (session, args) => {
    const name = args.words.at(-1);
    if (name === undefined) throw new CommandError("serviceaccount is required");
    await apply(session, args, args.words.slice(0, -1), "serviceaccount updated", (object, info) => {
      Object.assign(specOf(object, info), { serviceAccountName: name, serviceAccount: name });
    });
  },
};

const selector: Command = {
  usage: "set selector (-f FILENAME | TYPE NAME) EXPRESSIONS [--resource-version=version] [options]",
  summary: "Set the selector on a resource",
  flags: flags({
    recursive: deepFilenameFlags["recursive"]!,
    "resource-version": text(
      "If non-empty, the selectors update will only succeed if this is the current resource-version for the object.",
    ),
  }),
  run: async (session, args) => {
    const { names, changes } = split(args);
    if (changes.length === 0) throw new CommandError("selector is required");
    const wanted = pairs(changes.join(",").split(","), "selector");
    await apply(session, args, names, "selector updated", (object) => {
      if (object.kind !== "Service") throw new CommandError(`setting a selector is only supported for Services`);
      if (args.text("resource-version") !== "") object.metadata.resourceVersion = args.text("resource-version");
      (object["spec"] as { selector?: unknown }).selector = wanted;
    });
  },
};

const subject: Command = {
  usage:
    "set subject (-f FILENAME | TYPE NAME) [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname] [options]",
  summary: "Update the user, group, or service account in a role binding or cluster role binding",
  flags: flags({
    user: array("Usernames to bind to the role"),
    group: array("Groups to bind to the role"),
    serviceaccount: array("Service accounts to bind to the role"),
  }),
  run: async (session, args) => {
    const { subjects } = await import("../create/subjects.ts");
    const more = subjects(args);
    if (more.length === 0)
      throw new CommandError("you must specify at least one value of user, group or serviceaccount");
    await apply(session, args, args.words, "subjects updated", (object, info) => {
      if (!["RoleBinding", "ClusterRoleBinding"].includes(object.kind))
        throw new CommandError(
          `${info.descriptor.resource}/${info.name} setting subjects is only supported for RoleBinding/ClusterRoleBinding`,
        );
      const now = (object["subjects"] ?? []) as unknown[];
      const fresh = more.filter((each) => !now.some((other) => JSON.stringify(other) === JSON.stringify(each)));
      object["subjects"] = [...now, ...fresh];
    });
  },
};

const entry = (command: Command) => ({ summary: command.summary, load: () => Promise.resolve(command) });

export const set: Command = {
  usage: "set SUBCOMMAND [options]",
  summary: "Set specific features on objects",
  flags: {},
  subcommands: {
    env: entry(env),
    image: entry(image),
    resources: entry(resources),
    selector: entry(selector),
    serviceaccount: { ...entry(serviceAccount), aliases: ["sa"] },
    subject: entry(subject),
  },
};
