// `cox events`: what happened, the latest last; of everything, of one object, of some kinds; and as it comes.
import { allNamespacesFlag, bool, number, outputFlags, slice, text } from "../args/common.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { Page, num, part, str } from "../describe/page.ts";
import { CommandError } from "../failure.ts";
import { createPrinter } from "../print/printer.ts";
import { alignTabs, tableTabs } from "../print/tabs.ts";
import { listObjects, pathOf } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import { eventsOf } from "../resource/events-of.ts";
import type { Session } from "../session.ts";

export const events: Command = {
  usage: "events [(-o|--output=)] [--for TYPE/NAME] [--watch] [--types=Normal,Warning] [options]",
  summary: "List events",
  examples: `
# Of one pod, as they come
cox events --for pod/web-1 --watch

# Only what went wrong
cox events --types=Warning -A`,
  flags: {
    ...outputFlags,
    ...allNamespacesFlag,
    "chunk-size": number("Return large lists in chunks rather than all at once. Pass 0 to disable.", {
      default: "500",
    }),
    for: text("Filter events to only those pertaining to the specified resource."),
    "no-headers": bool("When using the default output format, don't print headers."),
    types: slice("Output only events of given types."),
    watch: bool("After listing the requested events, watch for more events.", { short: "w" }),
  },
  run: async (session, args) => {
    const descriptor = await (await session.mapper()).find("events");
    const namespace = args.flag("all-namespaces") ? undefined : session.namespace;
    const fieldSelector = await selectorFor(session, args.text("for"));
    const kinds = args.list("types").map((kind) => kind.toLowerCase());
    for (const kind of kinds)
      if (!["normal", "warning"].includes(kind)) throw new CommandError(`valid --types are Normal or Warning`);
    const wanted = (event: Obj): boolean => kinds.length === 0 || kinds.includes(str(event["type"]).toLowerCase());
    const found = await listObjects(session, descriptor, namespace, {
      fieldSelector,
      limit: args.number("chunk-size") || undefined,
    });
    const items = found.items.filter(wanted).toSorted((left, right) => last(left) - last(right));
    const printer = await createPrinter(args);
    if (printer !== undefined)
      session.out.write(await printer({ apiVersion: "v1", kind: "List", metadata: {}, items }));
    else if (items.length > 0) session.out.write(table(session, args, items, !args.flag("no-headers")));
    else if (!args.flag("watch"))
      session.err.write(
        namespace === undefined ? "No events found.\n" : `No events found in ${namespace} namespace.\n`,
      );
    if (!args.flag("watch")) return;
    const stream = await session.client.stream({
      method: "GET",
      path: pathOf(descriptor, namespace),
      query: { watch: true, fieldSelector, resourceVersion: found.metadata.resourceVersion },
      signal: session.signal,
    });
    for await (const { type, object } of eventsOf<Obj>(stream.body))
      if (["ADDED", "MODIFIED"].includes(type) && wanted(object))
        session.out.write(printer === undefined ? table(session, args, [object], false) : await printer(object));
  },
};

const last = (event: Obj): number =>
  Date.parse(
    str(part(event["series"])["lastObservedTime"]) ||
      str(event["lastTimestamp"]) ||
      str(event["eventTime"]) ||
      "1970-01-01T00:00:00Z",
  );

function table(session: Session, args: Args, items: readonly Obj[], headers: boolean): string {
  const page = new Page(session.clock.now());
  const everywhere = args.flag("all-namespaces");
  const rows = items.map((event) => {
    const first = page.since(event["firstTimestamp"] ?? event["eventTime"]);
    const seen =
      num(event["count"]) > 1
        ? `${page.since(event["lastTimestamp"])} (x${num(event["count"])} over ${first})`
        : page.since(event["lastTimestamp"] ?? event["eventTime"]);
    const target = part(event["involvedObject"]);
    return `${everywhere ? `${event.metadata.namespace}\t` : ""}${seen}\t${str(event["type"])}\t${str(event["reason"])}\t${str(target["kind"])}/${str(target["name"])}\t${str(event["message"]).trim()}\n`;
  });
  return alignTabs(
    `${headers ? `${everywhere ? "NAMESPACE\t" : ""}LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n` : ""}${rows.join("")}`,
    tableTabs,
  );
}

async function selectorFor(session: Session, target: string): Promise<string> {
  if (target === "") return "";
  const [type = "", name = ""] = target.split("/");
  if (name === "") throw new CommandError("--for must be in resource/name form");
  const descriptor = await (await session.mapper()).find(type);
  return `involvedObject.kind=${descriptor.kind},involvedObject.name=${name}`;
}
