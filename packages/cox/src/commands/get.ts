// `cox get TYPE [NAME…]`: the server's own table, or the objects as JSON, YAML or names.
import { dump } from "js-yaml";
import type { Argv } from "yargs";
import { StatusError } from "@coxswain/apimachinery";
import type { ApiObject, ResourceDescriptor, Status } from "@coxswain/apimachinery";
import { findResource, pathOf, splitTargets } from "../find-resource.ts";
import { printTable } from "../print/table.ts";
import type { Table } from "../print/table.ts";
import type { Session, WithSession } from "../session.ts";

interface GetOptions {
  readonly namespace: string | undefined;
  readonly allNamespaces: boolean;
  readonly selector: string | undefined;
  readonly output: string | undefined;
}

const tableType = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

export function addGet(cli: Argv, withSession: WithSession): Argv {
  return cli.command(
    "get <resources..>",
    "Show objects: a table, or -o wide, json, yaml, name",
    (command) =>
      command
        .positional("resources", {
          type: "string",
          array: true,
          demandOption: true,
          describe: "TYPE [NAME…] or TYPE/NAME…",
        })
        .option("all-namespaces", { alias: "A", type: "boolean", default: false, describe: "Across all namespaces" })
        .option("selector", { alias: "l", type: "string", describe: "Label selector" })
        .option("output", { alias: "o", choices: ["wide", "json", "yaml", "name"] as const, describe: "Format" })
        .option("namespace", { alias: "n", type: "string" })
        .option("kubeconfig", { type: "string" }),
    (args) =>
      withSession(args, async (session) => {
        const discovery = await session.client.discover(session.signal);
        for (const { type, names } of splitTargets(args.resources)) {
          await get(session, findResource(discovery, type), names, { ...args, namespace: args.namespace });
        }
      }),
  );
}

async function get(
  session: Session,
  descriptor: ResourceDescriptor<ApiObject>,
  names: readonly string[],
  options: GetOptions,
): Promise<void> {
  const namespace = options.allNamespaces && names.length === 0 ? undefined : session.namespace;
  const table = options.output === undefined || options.output === "wide";
  const ask = async (name: string | undefined): Promise<unknown> => {
    const response = await session.client.request({
      method: "GET",
      path: pathOf(descriptor, namespace, name),
      query: { labelSelector: options.selector },
      accept: table ? tableType : "application/json",
      signal: session.signal,
    });
    if (response.status >= 400) throw new StatusError(response.json() as Status);
    return response.json();
  };
  const answers = await Promise.all(names.length === 0 ? [ask(undefined)] : names.map(ask));
  if (table) {
    const tables = answers as Table[];
    const whole: Table = {
      columnDefinitions: tables[0]?.columnDefinitions ?? [],
      rows: tables.flatMap((each) => each.rows),
    };
    const where = namespace === undefined || !descriptor.namespaced ? "" : ` in ${namespace} namespace`;
    const namespaces = options.allNamespaces && descriptor.namespaced;
    session.out.write(
      whole.rows.length === 0
        ? `No resources found${where}.\n`
        : printTable(whole, { wide: options.output === "wide", namespaces }),
    );
    return;
  }
  const value = answers.length === 1 ? answers[0] : { apiVersion: "v1", kind: "List", metadata: {}, items: answers };
  switch (options.output) {
    case "json":
      return session.out.write(`${JSON.stringify(value, null, 4)}\n`);
    case "yaml":
      return session.out.write(dump(value, { lineWidth: -1, noRefs: true }));
    default: {
      const items = (value as { items?: readonly ApiObject[] }).items ?? [value as ApiObject];
      const suffix = descriptor.group === "" ? "" : `.${descriptor.group}`;
      const singular = descriptor.kind.toLowerCase();
      for (const item of items) session.out.write(`${singular}${suffix}/${item.metadata.name}\n`);
    }
  }
}
