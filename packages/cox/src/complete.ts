// What may stand at the end of a half-typed command line: commands, flags and their values, types, names, namespaces, containers. Names
// are asked of the cluster with little patience; where it does not answer, nothing is offered.
import { globalFlags } from "./args/common.ts";
import { parseArgs } from "./args/flags.ts";
import type { Flag, Flags } from "./args/flags.ts";
import type { Command } from "./command.ts";
import { commandNames, findCommand } from "./commands.ts";
import { machineSummaries } from "./machine/summaries.ts";
import { openSession } from "./open-session.ts";
import { call, pathOf } from "./resource/api.ts";
import type { Host, Session } from "./session.ts";

const patience = "2s";
const most = 500;

/** Candidates for the last word, each the whole word. */
export async function complete(words: readonly string[], host: Host): Promise<readonly string[]> {
  const last = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const { command, rest, path } = await commandOf(before);
  const fit = (candidates: Iterable<string>): string[] =>
    [...new Set(candidates)].filter((each) => each.startsWith(last)).toSorted();
  if (command === undefined) {
    if (rest.length > 0) return [];
    if (last.startsWith("-")) return fit(flagWords(globalFlags));
    return fit([...commandNames(), ...Object.keys(machineSummaries)]);
  }
  const flags: Flags = { ...globalFlags, ...command.flags };
  const previous = before.at(-1) ?? "";
  const awaited = valueAwaited(flags, previous);
  const inline = /^(--[\w-]+)=(.*)$/.exec(last);
  if (inline !== null) {
    const flag = inline[1]?.slice(2) ?? "";
    const values = await valuesOf(flag, before, flags, path, host);
    return values
      .map((value) => `--${flag}=${value}`)
      .filter((each) => each.startsWith(last))
      .toSorted();
  }
  if (awaited !== undefined) return fit(await valuesOf(awaited, before, flags, path, host));
  if (last.startsWith("-")) return fit(flagWords(flags));
  const subcommands = Object.keys(command.subcommands ?? {});
  if (subcommands.length > 0) return fit(subcommands);
  return withSession(before, flags, host, async (session) => {
    const { words: typed } = parseArgs(flags, withoutDangling(rest));
    return fit(await positions(session, path, typed, last));
  });
}

async function commandOf(
  words: readonly string[],
): Promise<{ readonly command: Command | undefined; readonly rest: readonly string[]; readonly path: string }> {
  const at = firstWord(words, globalFlags);
  const name = words[at];
  if (name === undefined) return { command: undefined, rest: [], path: "" };
  let command = await findCommand(name)?.load();
  let path = name;
  let rest = words.slice(at + 1);
  while (command?.subcommands !== undefined) {
    const next = firstWord(rest, { ...globalFlags, ...command.flags });
    const entry = Object.entries(command.subcommands).find(
      ([key, each]) => key === rest[next] || each.aliases?.includes(rest[next] ?? "") === true,
    );
    if (entry === undefined) break;
    command = await entry[1].load();
    path = `${path} ${entry[0]}`;
    rest = rest.slice(next + 1);
  }
  return { command, rest: command === undefined ? [name] : rest, path };
}

function firstWord(words: readonly string[], flags: Flags): number {
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    if (!word.startsWith("-")) return at;
    if (valueAwaited(flags, word) !== undefined) at += 1;
  }
  return words.length;
}

/** The flag whose value comes as the next word. */
function valueAwaited(flags: Flags, word: string): string | undefined {
  if (!word.startsWith("-") || word.includes("=")) return undefined;
  const takes = (flag: Flag | undefined): boolean =>
    flag !== undefined && flag.type !== "bool" && flag.bare === undefined;
  if (word.startsWith("--")) return takes(flags[word.slice(2)]) ? word.slice(2) : undefined;
  const [name, flag] = Object.entries(flags).find(([, each]) => each.short === word.at(-1)) ?? [];
  return takes(flag) ? name : undefined;
}

const flagWords = (flags: Flags): string[] =>
  Object.entries(flags)
    .filter(([, flag]) => flag.hidden !== true)
    .map(([name, flag]) => `--${name}${flag.type === "bool" || flag.bare !== undefined ? "" : "="}`);

const outputs = ["json", "yaml", "name", "wide", "jsonpath=", "custom-columns=", "go-template="];
const fixedValues: Readonly<Record<string, readonly string[]>> = {
  output: outputs,
  "dry-run": ["none", "client", "server"],
  cascade: ["background", "orphan", "foreground"],
  type: ["json", "merge", "strategic"],
  validate: ["strict", "warn", "ignore"],
};

async function valuesOf(
  name: string,
  before: readonly string[],
  flags: Flags,
  path: string,
  host: Host,
): Promise<readonly string[]> {
  if (fixedValues[name] !== undefined) return fixedValues[name];
  return withSession(before, flags, host, async (session) => {
    if (name === "namespace") return names(session, "namespaces");
    if (name === "context" || name === "cluster" || name === "user") {
      const { readFileSync } = await import("node:fs");
      const { decodeYaml } = await import("./resource/yaml.ts");
      const [file = ""] = session.kubeconfigPath.split(":");
      const config = decodeYaml(readFileSync(file, "utf8")) as Readonly<
        Record<string, readonly { readonly name: string }[]>
      >;
      return (config[`${name}s`] ?? []).map((each) => each.name);
    }
    if (name === "container") {
      const { words } = parseArgs(flags, withoutDangling(before));
      const target = words.find((word) => !path.split(" ").includes(word)) ?? "";
      const pod = await call<{ spec: Readonly<Record<string, readonly { readonly name: string }[] | undefined>> }>(
        session,
        {
          method: "GET",
          path: `/api/v1/namespaces/${session.namespace}/pods/${target.replace(/^(pods?|po)\//, "")}`,
        },
      );
      return ["containers", "initContainers", "ephemeralContainers"].flatMap((kind) =>
        (pod.spec[kind] ?? []).map((each) => each.name),
      );
    }
    return [];
  });
}

/** Which type a bare word names, for commands that are about one. */
const typeOfCommand: Readonly<Record<string, string>> = {
  logs: "pods",
  log: "pods",
  exec: "pods",
  attach: "pods",
  debug: "pods",
  retry: "pods",
  "port-forward": "pods",
  cp: "pods",
  "top pod": "pods",
  "top node": "nodes",
  cordon: "nodes",
  uncordon: "nodes",
  drain: "nodes",
  "certificate approve": "certificatesigningrequests",
  "certificate deny": "certificatesigningrequests",
};
const oneName = new Set(["logs", "log", "exec", "attach", "port-forward", "top pod", "top node"]);

async function positions(
  session: Session,
  path: string,
  typed: readonly string[],
  last: string,
): Promise<readonly string[]> {
  const mapper = await session.mapper();
  const types = (): string[] =>
    mapper.discovery.resources
      .filter(({ verbs }) => verbs.includes("get"))
      .map(({ descriptor }) => descriptor.resource);
  const slash = last.indexOf("/");
  if (slash > 0) return (await names(session, last.slice(0, slash))).map((name) => `${last.slice(0, slash)}/${name}`);
  if (path === "completion") return typed.length === 0 ? ["bash", "zsh", "fish"] : [];
  if (path === "explain") return typed.length === 0 ? types() : [];
  const own = typeOfCommand[path];
  if (own !== undefined) {
    if (typed.length > 0 && oneName.has(path)) return [];
    const found = await names(session, own);
    return path === "cp" ? found.map((name) => `${name}:`) : found;
  }
  if (!takesTargets.has(path.split(" ")[0] ?? "")) return [];
  const [type] = typed;
  if (type === undefined) return path.startsWith("taint") ? ["node", "nodes"] : types();
  if (type.includes("/")) return [];
  return names(session, type);
}

/** Commands whose words are TYPE NAME…. */
const takesTargets = new Set(
  "get describe delete edit patch label annotate scale autoscale expose rollout set taint wait why tree apply".split(
    " ",
  ),
);

async function names(session: Session, type: string): Promise<string[]> {
  const descriptor = await (await session.mapper()).lookup(type);
  if (descriptor === undefined) return [];
  const list = await call<{ readonly items: readonly { readonly metadata: { readonly name: string } }[] }>(session, {
    method: "GET",
    path: pathOf(descriptor, descriptor.namespaced ? session.namespace : undefined),
    query: { limit: most },
    // Names are all that is wanted.
    accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json",
  });
  return list.items.map(({ metadata }) => metadata.name);
}

/** A flag at the very end that still waits for its value would be an error. */
const withoutDangling = (words: readonly string[]): readonly string[] =>
  words.at(-1)?.startsWith("-") === true ? words.slice(0, -1) : words;

async function withSession<T>(
  before: readonly string[],
  flags: Flags,
  host: Host,
  work: (session: Session) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  try {
    const args = parseArgs(flags, [
      ...withoutDangling(before),
      ...(before.includes("--request-timeout") ? [] : [`--request-timeout=${patience}`]),
    ]);
    // Nothing but candidates may reach the shell.
    const silent = { ...host.err, write: () => undefined };
    await using session = openSession(args, { ...host, err: silent });
    return await work(session);
  } catch {
    return []; // half a line, or no cluster: there is nothing to offer
  }
}
