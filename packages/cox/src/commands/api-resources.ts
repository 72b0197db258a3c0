// `cox api-resources` and `cox api-versions`: what the server offers.
import { bool, slice, text } from "../args/common.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../args/flags.ts";
import { CommandError } from "../failure.ts";
import { alignTabs, tableTabs } from "../print/tabs.ts";

export const apiResources: Command = {
  usage: "api-resources [options]",
  summary: "Print the supported API resources on the server",
  examples: `
# All of them, with verbs
cox api-resources -o wide

# Only those of one group
cox api-resources --api-group=rbac.authorization.k8s.io`,
  flags: {
    "api-group": text("Limit to resources in the specified API group."),
    cached: bool("Use the cached list of resources if available."),
    categories: slice("Limit to resources that belong to the specified categories."),
    namespaced: bool(
      "If false, non-namespaced resources will be returned, otherwise returning namespaced resources by default.",
      { default: "true" },
    ),
    "no-headers": bool("When using the default or custom-column output format, don't print headers."),
    output: text("Output format. One of: (wide, name).", { short: "o" }),
    "sort-by": text("If non-empty, sort list of resources using specified field. One of (name, kind)."),
    verbs: slice("Limit to resources that support the specified verbs."),
  },
  run: async (session, args) => {
    if (args.words.length > 0) throw new UsageError(`unexpected arguments: [${args.words.join(" ")}]`);
    const format = args.text("output");
    if (!["", "wide", "name"].includes(format)) throw new CommandError(`--output ${format} is not available`);
    if (!["", "name", "kind"].includes(args.text("sort-by")))
      throw new CommandError("--sort-by accepts only name or kind");
    const discovery = args.flag("cached")
      ? (await session.mapper()).discovery
      : await session.client.discover(session.signal);
    const rows = discovery.resources
      .filter(({ preferred, verbs }) => preferred && verbs.length > 0)
      .filter(({ descriptor }) => !args.has("api-group") || descriptor.group === args.text("api-group"))
      .filter(({ descriptor }) => !args.has("namespaced") || descriptor.namespaced === args.flag("namespaced"))
      .filter(({ verbs }) => args.list("verbs").every((verb) => verbs.includes(verb)))
      .filter(({ categories }) => args.list("categories").every((category) => categories.includes(category)))
      .toSorted(({ descriptor: left }, { descriptor: right }) => {
        const key = (one: typeof left): string =>
          args.text("sort-by") === "kind"
            ? one.kind
            : args.text("sort-by") === "name"
              ? one.resource
              : `${one.group}\0${one.resource}`;
        return key(left) < key(right) ? -1 : key(left) > key(right) ? 1 : 0;
      });
    if (format === "name") {
      for (const { descriptor } of rows)
        session.out.write(`${descriptor.resource}${descriptor.group === "" ? "" : `.${descriptor.group}`}\n`);
      return;
    }
    const wide = format === "wide";
    const lines = rows.map(({ descriptor, shortNames, verbs, categories }) => [
      descriptor.resource,
      shortNames.join(","),
      descriptor.group === "" ? descriptor.version : `${descriptor.group}/${descriptor.version}`,
      String(descriptor.namespaced),
      descriptor.kind,
      ...(wide ? [verbs.join(","), categories.join(",")] : []),
    ]);
    const header = ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND", ...(wide ? ["VERBS", "CATEGORIES"] : [])];
    const text = [...(args.flag("no-headers") ? [] : [header]), ...lines]
      .map((cells) => `${cells.join("\t")}\n`)
      .join("");
    session.out.write(alignTabs(text, tableTabs));
    if (discovery.failures.length > 0)
      throw new CommandError(
        `unable to retrieve the complete list of server APIs: ${discovery.failures.map(({ groupVersion, reason }) => `${groupVersion}: ${reason}`).join(", ")}`,
      );
  },
};

export const apiVersions: Command = {
  usage: "api-versions",
  summary: 'Print the supported API versions on the server, in the form of "group/version"',
  flags: {},
  run: async (session, args) => {
    if (args.words.length > 0) throw new UsageError(`unexpected arguments: [${args.words.join(" ")}]`);
    const discovery = await session.client.discover(session.signal);
    const versions = new Set(
      discovery.resources.map(({ descriptor }) =>
        descriptor.group === "" ? descriptor.version : `${descriptor.group}/${descriptor.version}`,
      ),
    );
    for (const version of [...versions].sort()) session.out.write(`${version}\n`);
  },
};
