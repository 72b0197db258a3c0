// Kubeconfig files as they lie on disk, read together and changed one at a time: the first that has the entry, else the first that exists,
// else the last that is named. Knows no command.
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { list, part, str } from "../describe/page.ts";
import { CommandError } from "../failure.ts";
import { formatYaml } from "../print/yaml.ts";
import type { Session } from "../session.ts";
import { decodeYaml } from "./yaml.ts";

export type Section = "contexts" | "clusters" | "users";
export type Config = Record<string, unknown>;

export const filesOf = (session: Session): string[] => session.kubeconfigPath.split(":").filter((file) => file !== "");

export function readConfig(file: string): Config {
  const value = existsSync(file) ? decodeYaml(readFileSync(file, "utf8")) : undefined;
  return {
    apiVersion: "v1",
    clusters: null,
    contexts: null,
    "current-context": "",
    kind: "Config",
    preferences: {},
    users: null,
    ...part(value),
  };
}

/** The first file that has an entry of a name wins, and so does the first current-context. */
export function mergedConfig(session: Session, flatten = false): Config {
  const all = filesOf(session).map((file) => (flatten ? flattened(readConfig(file), file) : readConfig(file)));
  const section = (name: Section): unknown[] | null => {
    const seen = new Set<string>();
    const entries = all
      .flatMap((config) => list(config[name]))
      .filter((entry) => !seen.has(str(entry["name"])) && seen.add(str(entry["name"])))
      .toSorted((left, right) => (str(left["name"]) < str(right["name"]) ? -1 : 1));
    return entries.length === 0 ? null : entries;
  };
  return {
    ...readConfig(""),
    preferences: all.map((config) => part(config["preferences"])).find((each) => Object.keys(each).length > 0) ?? {},
    clusters: section("clusters"),
    contexts: section("contexts"),
    users: section("users"),
    "current-context": all.map((config) => str(config["current-context"])).find((name) => name !== "") ?? "",
  };
}

/** Whole or not at all; a link stays a link. */
export function writeConfig(file: string, config: Config): void {
  mkdirSync(dirname(file), { recursive: true });
  const target = existsSync(file) ? realpathSync(file) : file;
  const orNull = (name: Section): readonly unknown[] | null => {
    const entries = list(config[name]);
    return entries.length === 0 ? null : entries;
  };
  const whole = { ...config, clusters: orNull("clusters"), contexts: orNull("contexts"), users: orNull("users") };
  writeFileSync(`${target}.new`, formatYaml(whole), { mode: 0o600 });
  renameSync(`${target}.new`, target);
}

/** Changes the file that has an entry, or where new ones go. */
export function changeConfig(
  session: Session,
  section: Section | undefined,
  name: string,
  edit: (config: Config) => Config,
): void {
  const all = filesOf(session);
  const has = (file: string): boolean =>
    section !== undefined && list(readConfig(file)[section]).some((entry) => entry["name"] === name);
  const file = all.find(has) ?? all.find((each) => existsSync(each)) ?? all.at(-1) ?? session.kubeconfigPath;
  writeConfig(file, edit(readConfig(file)));
}

/** One entry changed, made where it is not there; in the order of names, as kubectl keeps them. */
export function withEntry(config: Config, section: Section, name: string, inner: string, value: Config): Config {
  const others = list(config[section]).filter((entry) => entry["name"] !== name);
  const entries = [...others, { [inner]: value, name }];
  return { ...config, [section]: entries.toSorted((left, right) => (str(left["name"]) < str(right["name"]) ? -1 : 1)) };
}

/** How a file's path stands in a kubeconfig: relative to it where it lies beside or below it. */
export function pathFor(session: Session, path: string): string {
  const home = dirname(resolve(filesOf(session)[0] ?? "."));
  const short = relative(home, resolve(path));
  return short.startsWith("..") || isAbsolute(short) ? resolve(path) : short;
}

const embedded = ["certificate-authority", "client-certificate", "client-key"];

/** The bytes of files instead of their names. */
function flattened(config: Config, file: string): Config {
  const inline = (value: unknown): unknown => {
    const fields: Config = { ...part(value) };
    for (const name of embedded) {
      const path = str(fields[name]);
      if (path === "") continue;
      delete fields[name];
      fields[`${name}-data`] = contentOf(isAbsolute(path) ? path : join(dirname(file), path));
    }
    return fields;
  };
  const entries = (section: Section, inner: string): unknown =>
    config[section] === null
      ? null
      : list(config[section]).map((entry) => ({ ...entry, [inner]: inline(entry[inner]) }));
  return { ...config, clusters: entries("clusters", "cluster"), users: entries("users", "user") };
}

export function contentOf(path: string): string {
  try {
    return readFileSync(path).toString("base64");
  } catch (cause) {
    throw new CommandError(`could not read the file ${path}: ${(cause as Error).message}`, { cause });
  }
}
