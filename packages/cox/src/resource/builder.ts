// From words, files and selectors to the objects a command works on, by kubectl's rules and in its words.
import { StatusError } from "@coxswain/apimachinery";
import type { Args } from "../args/flags.ts";
import { CommandError, throwAll } from "../failure.ts";
import type { Session } from "../session.ts";
import { getObject, listObjects } from "./api.ts";
import type { Obj } from "./api.ts";
import type { Descriptor, Mapper } from "./mapper.ts";
import { readManifests } from "./manifests.ts";
import type { Manifest } from "./manifests.ts";

/** One object a command works on: from the server, or from a file. */
export interface Info {
  readonly descriptor: Descriptor;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly object: Obj;
  /** The file it was read from; empty for what comes from the server. */
  readonly source: string;
}

/** One type as it was asked for; without names all of its objects are meant. */
export interface Target {
  readonly descriptor: Descriptor;
  readonly names: readonly string[];
}

export interface BuildOptions {
  /** Objects of files are read again from the server. */
  readonly latest?: boolean;
  /** A type without names, selector or --all means every object (`get`). */
  readonly everything?: boolean;
  readonly ignoreNotFound?: boolean;
  /** Goes on after an object that is not there; the errors come in the second part of the answer. */
  readonly continueOnError?: boolean;
  /** The type of words that name none. */
  readonly defaultType?: string;
  /** Takes words only; --local uses files as they are. */
  readonly local?: boolean;
  /** False where --selector is not about the objects that are looked for. */
  readonly selectors?: boolean;
  /** Uses words of the command line other than all. */
  readonly words?: readonly string[];
}

const flag = (args: Args, name: string): boolean => args.knows(name) && args.flag(name);
const text = (args: Args, name: string): string => (args.knows(name) ? args.text(name) : "");

export const fileNames = (args: Args): readonly string[] => (args.knows("filename") ? args.list("filename") : []);
export const hasFiles = (args: Args): boolean => fileNames(args).length > 0 || text(args, "kustomize") !== "";

/** Throws what went wrong, together. */
export async function collect(session: Session, args: Args, options: BuildOptions = {}): Promise<readonly Info[]> {
  const { infos, errors } = await collectWithErrors(session, args, options);
  throwAll(errors);
  return infos;
}

export async function collectWithErrors(
  session: Session,
  args: Args,
  options: BuildOptions = {},
): Promise<{ readonly infos: readonly Info[]; readonly errors: readonly unknown[]; readonly single: boolean }> {
  const words = options.words ?? args.words;
  if (hasFiles(args)) {
    if (words.length > 0)
      throw new CommandError(
        "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well",
      );
    const infos = await fromFiles(session, args, options.local === true);
    if (options.latest !== true || options.local === true) return { infos, errors: [], single: infos.length === 1 };
    return { ...(await latest(session, infos, options)), single: infos.length === 1 };
  }
  if (options.local === true) throw new CommandError("resource(s) were provided, but no name was specified");
  const targets = await parseTargets(await session.mapper(), words, options.defaultType);
  return fromServer(session, args, targets, options);
}

/** The objects of -f and -k, in their order, each in the namespace it will live in. */
export async function fromFiles(session: Session, args: Args, local = false): Promise<Info[]> {
  const manifests = await manifestsOf(session, args);
  if (manifests.length === 0) throw new CommandError("no objects passed");
  const { localDescriptor } = local ? await import("./local-mapper.ts") : { localDescriptor: () => undefined };
  const infos: Info[] = [];
  for (const manifest of manifests)
    infos.push(
      infoOf(session, localDescriptor(manifest.object) ?? (await descriptorOf(session, manifest)), manifest, local),
    );
  return infos;
}

export async function manifestsOf(session: Session, args: Args): Promise<readonly Manifest[]> {
  const kustomize = text(args, "kustomize");
  if (kustomize === "") return readManifests(fileNames(args), flag(args, "recursive"), session);
  if (fileNames(args).length > 0 || (args.has("recursive") && flag(args, "recursive")))
    throw new CommandError("only one of -f or -k can be specified");
  const { buildKustomization } = await import("../kustomize/build.ts");
  return (await buildKustomization(kustomize, { order: "fifo" })).map((object) => ({ object, source: kustomize }));
}

async function descriptorOf(session: Session, { object, source }: Manifest): Promise<Descriptor> {
  const mapper = await session.mapper();
  return mapper.ofObject(object).catch((error: unknown) => {
    throw new CommandError(
      `resource mapping not found for name: "${object.metadata.name ?? ""}" namespace: "${object.metadata.namespace ?? ""}" from "${source}": ${(error as Error).message.replace("resource mapping not found: ", "")}`,
    );
  });
}

function infoOf(session: Session, descriptor: Descriptor, { object, source }: Manifest, local: boolean): Info {
  const own = object.metadata.namespace;
  if (descriptor.namespaced && session.namespaceGiven && own !== undefined && own !== session.namespace)
    throw new CommandError(
      `the namespace from the provided object "${own}" does not match the namespace "${session.namespace}". You must pass '--namespace=${own}' to perform this operation.`,
    );
  const namespace = descriptor.namespaced ? (own ?? session.namespace) : undefined;
  // A file that nobody takes anywhere stays as it is.
  const metadata =
    descriptor.namespaced && !local ? { ...object.metadata, namespace: namespace ?? "" } : object.metadata;
  return { descriptor, namespace, name: object.metadata.name ?? "", object: { ...object, metadata } as Obj, source };
}

async function latest(
  session: Session,
  infos: readonly Info[],
  options: BuildOptions,
): Promise<{ readonly infos: Info[]; readonly errors: unknown[] }> {
  const found: Info[] = [];
  const errors: unknown[] = [];
  for (const info of infos) {
    try {
      const object = await getObject(session, info.descriptor, info.namespace, info.name);
      found.push({ ...info, object });
    } catch (error) {
      if (options.ignoreNotFound === true && error instanceof StatusError && error.status.code === 404) continue;
      errors.push(error);
    }
  }
  return { infos: found, errors };
}

/** "pods web", "pods,services", "deploy/web svc/web". */
export async function parseTargets(mapper: Mapper, words: readonly string[], defaultType?: string): Promise<Target[]> {
  if (words.length === 0)
    throw new CommandError(
      "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'",
    );
  if (words.some((word) => word.includes("/"))) return slashed(mapper, words, defaultType);
  const [types = "", ...names] = defaultType === undefined ? words : [defaultType, ...words];
  const descriptors: Descriptor[] = [];
  for (const type of types.split(",")) {
    const category = (await mapper.lookup(type)) ? undefined : mapper.category(type);
    if (category) descriptors.push(...category);
    else descriptors.push(await mapper.find(type));
  }
  return descriptors.map((descriptor) => ({ descriptor, names }));
}

async function slashed(mapper: Mapper, words: readonly string[], defaultType: string | undefined): Promise<Target[]> {
  const targets: Target[] = [];
  for (const word of words) {
    const [type = "", name = "", ...more] = word.split("/");
    if (!word.includes("/") && defaultType !== undefined) {
      targets.push({ descriptor: await mapper.find(defaultType), names: [word] });
      continue;
    }
    if (!word.includes("/"))
      throw new CommandError(
        "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'cox get resource/<resource_name>' instead of 'cox get resource resource/<resource_name>'",
      );
    if (more.length > 0 || type === "" || name === "")
      throw new CommandError(
        type === "" || name === "" || more.length === 0
          ? "arguments in resource/name form must have a single resource and name"
          : "arguments in resource/name form may not have more than one slash",
      );
    targets.push({ descriptor: await mapper.find(type), names: [name] });
  }
  return targets;
}

/** Which namespace objects of a type are looked for in; undefined means all. */
export function scopeOf(session: Session, args: Args, descriptor: Descriptor): string | undefined {
  if (!descriptor.namespaced || flag(args, "all-namespaces")) return undefined;
  return session.namespace;
}

/** Refuses names beside selectors, --all beside both, and types with neither where that would mean everything. */
export function checkTargets(args: Args, targets: readonly Target[], options: BuildOptions): void {
  const named = targets.some((target) => target.names.length > 0);
  const selector = options.selectors === false ? "" : text(args, "selector");
  const fields = text(args, "field-selector");
  const all = flag(args, "all");
  if (named && (selector !== "" || fields !== ""))
    throw new CommandError("name cannot be provided when a selector is specified");
  if (named && all) throw new CommandError("name cannot be provided when a selector is specified");
  if (all && (selector !== "" || fields !== ""))
    throw new CommandError("setting 'all' parameter but found a non empty selector. ");
  if (named && flag(args, "all-namespaces") && targets.some((target) => target.descriptor.namespaced))
    throw new CommandError("a resource cannot be retrieved by name across all namespaces");
  if (!named && selector === "" && fields === "" && !all && options.everything !== true)
    throw new CommandError("resource(s) were provided, but no name was specified");
}

/** A refused list, with the selectors it was asked with. */
export function selectorError(error: StatusError, args: Args, descriptor: Descriptor): StatusError {
  const [labels, fields] = [text(args, "selector"), text(args, "field-selector")];
  if ((labels === "" && fields === "") || !["BadRequest", "NotFound"].includes(error.status.reason ?? "")) return error;
  const { group, version, resource } = descriptor;
  return new StatusError({
    ...error.status,
    message: `Unable to find "${group}/${version}, Resource=${resource}" that match label selector "${labels}", field selector "${fields}": ${error.status.message}`,
  });
}

async function fromServer(
  session: Session,
  args: Args,
  targets: readonly Target[],
  options: BuildOptions,
): Promise<{ readonly infos: readonly Info[]; readonly errors: readonly unknown[]; readonly single: boolean }> {
  checkTargets(args, targets, options);
  const infos: Info[] = [];
  const errors: unknown[] = [];
  const single = targets.length === 1 && targets[0]?.names.length === 1;
  for (const { descriptor, names } of targets) {
    const namespace = scopeOf(session, args, descriptor);
    try {
      if (names.length === 0) {
        const list = await listObjects(session, descriptor, namespace, {
          labelSelector: options.selectors === false ? "" : text(args, "selector"),
          fieldSelector: text(args, "field-selector"),
        });
        for (const object of list.items)
          infos.push({
            descriptor,
            namespace: object.metadata.namespace,
            name: object.metadata.name,
            object,
            source: "",
          });
      }
      for (const name of names) {
        try {
          infos.push({
            descriptor,
            namespace,
            name,
            object: await getObject(session, descriptor, namespace, name),
            source: "",
          });
        } catch (error) {
          if (!(error instanceof StatusError)) throw error;
          if (options.ignoreNotFound !== true || error.status.code !== 404) errors.push(error);
        }
      }
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      errors.push(selectorError(error, args, descriptor));
    }
  }
  return { infos, errors, single };
}
