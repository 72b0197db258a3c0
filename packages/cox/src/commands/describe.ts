// `cox describe`: everything about objects on one page each, events and neighbours included.
import { allNamespacesFlag, bool, filenameFlags, number, selectorFlag } from "../args/common.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError, throwAll } from "../failure.ts";
import { events, Page } from "../describe/page.ts";
import { listObjects } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import { checkTargets, collectWithErrors, hasFiles, parseTargets, scopeOf } from "../resource/builder.ts";
import type { Info } from "../resource/builder.ts";
import type { Session } from "../session.ts";

export const describe: Command = {
  usage: "describe (-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME) [options]",
  summary: "Show details of a specific resource or group of resources",
  examples: `
# A node
cox describe nodes worker-1

# All pods whose names begin so
cox describe pods frontend`,
  flags: {
    ...filenameFlags,
    ...selectorFlag,
    ...allNamespacesFlag,
    "chunk-size": number("Return large lists in chunks rather than all at once.", { default: "500" }),
    "show-events": bool("If true, display events related to the described object.", { default: "true" }),
  },
  run: async (session, args) => {
    if (args.words.length === 0 && !hasFiles(args)) {
      throw new CommandError(
        'You must specify the type of resource to describe. Use "cox api-resources" for a complete list of supported resources.',
      );
    }
    const { infos, errors, guessed } = await find(session, args);
    const { pageOf } = await import("../describe/page-of.ts");
    let first = true;
    for (const info of infos) {
      const page = new Page(session.clock.now());
      await pageOf(session, info, page);
      if (args.flag("show-events")) events(page, await eventsOfObject(session, info));
      session.out.write(guessed ? `${page.text()}\n` : `${first ? "" : "\n\n"}${page.text()}`);
      first = false;
    }
    if (infos.length === 0 && errors.length === 0)
      session.err.write(
        args.flag("all-namespaces")
          ? "No resources found\n"
          : `No resources found in ${session.namespace} namespace.\n`,
      );
    throwAll(errors);
  },
};

/** A name that is not there is tried as the beginning of names. */
async function find(
  session: Session,
  args: Args,
): Promise<{ readonly infos: readonly Info[]; readonly errors: readonly unknown[]; readonly guessed: boolean }> {
  const found = await collectWithErrors(session, args, { everything: true, latest: true });
  if (found.infos.length > 0 || found.errors.length === 0 || hasFiles(args)) return { ...found, guessed: false };
  const targets = await parseTargets(await session.mapper(), args.words);
  checkTargets(args, targets, { everything: true });
  const matching: Info[] = [];
  for (const { descriptor, names } of targets) {
    const list = await listObjects(session, descriptor, scopeOf(session, args, descriptor), {
      limit: args.number("chunk-size") || undefined,
    });
    for (const object of list.items)
      if (names.some((name) => object.metadata.name.startsWith(name)))
        matching.push({
          descriptor,
          object,
          name: object.metadata.name,
          namespace: object.metadata.namespace,
          source: "",
        });
  }
  return matching.length > 0 ? { infos: matching, errors: [], guessed: true } : { ...found, guessed: false };
}

const silent = new Set([
  "Secret",
  "Role",
  "ClusterRole",
  "RoleBinding",
  "ClusterRoleBinding",
  "LimitRange",
  "ResourceQuota",
  "Namespace",
  "NetworkPolicy",
]);

async function eventsOfObject(session: Session, info: Info): Promise<readonly Obj[] | undefined> {
  if (silent.has(info.descriptor.kind)) return undefined;
  const eventsType = await (await session.mapper()).find("events");
  const { uid } = info.object.metadata;
  const fieldSelector = [
    `involvedObject.name=${info.name}`,
    ...(info.descriptor.namespaced ? [`involvedObject.namespace=${info.namespace ?? ""}`] : []),
    `involvedObject.kind=${info.descriptor.kind}`,
    ...(info.descriptor.kind === "Node" || uid === undefined ? [] : [`involvedObject.uid=${uid}`]),
  ].join(",");
  return (await listObjects(session, eventsType, info.namespace, { fieldSelector })).items;
}
