// Laws of the sources that a person would otherwise have to remember in every review.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { codeOf, filesBelow, packageNames, packagesDir, projectRoot, sourcesOf } from "./sources.ts";
import type { SourceFile } from "./sources.ts";

const isTest = ({ path }: SourceFile): boolean => path.endsWith(".test.ts") || path.includes("/testing/");
const product = (): readonly SourceFile[] =>
  packageNames()
    .flatMap(sourcesOf)
    .filter((file) => !isTest(file));
const packageOf = (path: string): string => path.split("/")[1] ?? "";

function offenders(
  pattern: RegExp,
  owners: readonly string[],
  text: (file: SourceFile) => string = (file) => codeOf(file.content),
) {
  return product()
    .filter((file) => !owners.includes(packageOf(file.path)) && pattern.test(text(file)))
    .map((file) => file.path);
}

describe("one importer per outside thing", () => {
  const imports = (file: SourceFile): string => file.content;
  it.each([
    ["dockerode", /from "dockerode"/, ["container-runtime"]],
    ["fastify", /from "fastify"/, ["daemon"]],
    ["pino and prom-client", /from "(pino|prom-client)"/, ["daemon"]],
    ["level", /from "(level|classic-level|abstract-level)"/, ["store"]],
    ["gRPC libraries", /from "@grpc\/grpc-js"/, ["etcd-api", "container-runtime"]],
    ["x509", /from "@peculiar\/x509"/, ["pki"]],
    // Service-account tokens are pki's; the store signs tokens of its own users, as etcd does.
    ["jose", /from "jose"/, ["pki", "store"]],
  ])("%s stays with its owner", (_name, pattern, owners) => {
    expect(offenders(pattern, owners, imports)).toEqual([]);
  });

  it("time, timers and chance stay in clock", () => {
    const pattern =
      /\bDate\.now\(|\bnew Date\(\)|(?<![.\w])(setTimeout|setInterval)\((?!\w+:)|\bMath\.random\(|\brandomUUID\(/;
    expect(offenders(pattern, ["clock"])).toEqual([]);
  });

  it("argv, environment, signals and the end of the process stay in daemon and cox", () => {
    expect(offenders(/\bprocess\.(argv|env|exit|on|once)\b/, ["daemon", "cox"])).toEqual([]);
  });
});

describe("a core", () => {
  const cores = (): readonly SourceFile[] => product().filter((file) => file.path.includes("/src/core/"));

  it("imports no node: module", () => {
    expect(
      cores()
        .filter((file) => /from "node:/.test(file.content))
        .map((file) => file.path),
    ).toEqual([]);
  });

  it("awaits nothing, but for the stages of a request that read on their way", () => {
    const mayRead = /^packages\/apiserver\/src\/core\//;
    const waiting = cores().filter((file) => !mayRead.test(file.path) && /\bawait\b/.test(codeOf(file.content)));
    expect(waiting.map((file) => file.path)).toEqual([]);
  });
});

describe("the sources", () => {
  it("have no any, no double assertion and no unfinished words", () => {
    const files = [...packageNames().flatMap(sourcesOf), ...filesBelow(join(projectRoot, "scripts"))];
    const found = files
      .filter((file) => !file.path.includes("generated"))
      .filter(
        (file) =>
          /(:|as|<)\s*any\b(?!\w)|as unknown as /.test(codeOf(file.content)) ||
          /\b(TODO|FIXME|XXX|HACK)\b/.test(file.content),
      )
      .map((file) => file.path);
    expect(found).toEqual([]);
  });

  it("have no cycle between files of a package", () => {
    expect(packageNames().flatMap((name) => cyclesOf(sourcesOf(name)))).toEqual([]);
  });

  it("begin with a header that says what the file is for", () => {
    const bare = product()
      .filter((file) => !file.path.endsWith("/index.ts") && !file.path.includes("generated"))
      .filter((file) => !/^(#!.*\n)?(\/\/|\/\*)/.test(file.content))
      .map((file) => file.path);
    expect(bare).toEqual([]);
  });
});

describe("the documents", () => {
  const headings = [
    "What it does",
    "How data flows",
    "Files, in reading order",
    "Ports",
    "Flags and limits",
    "Metrics",
    "How to test it",
    "Differences from Kubernetes or etcd",
  ];
  it.each(packageNames())("the README of %s has the eight headings in order", (name) => {
    const text = readFileSync(join(packagesDir, name, "README.md"), "utf8");
    expect([...text.matchAll(/^## (.+)$/gm)].map((match) => match[1])).toEqual(headings);
  });

  it("link only to files that exist", () => {
    const documents = [
      "README.md",
      "CONTRIBUTING.md",
      "docs/architecture.md",
      "docs/glossary.md",
      "docs/divergences.md",
      ...packageNames().map((name) => `packages/${name}/README.md`),
    ];
    const broken = documents.flatMap((document) => {
      const text = readFileSync(join(projectRoot, document), "utf8").replace(/```[\s\S]*?```/g, "");
      return [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)]
        .map((match) => match[1] ?? "")
        .filter((target) => !existsSync(join(projectRoot, dirname(document), target)))
        .map((target) => `${document}: ${target}`);
    });
    expect(broken).toEqual([]);
  });
});

/** Depth-first over relative imports of values; two files may speak of each other's types, which are gone at run time. */
function cyclesOf(files: readonly SourceFile[]): string[] {
  const graph = new Map(
    files.map((file) => [
      file.path,
      [...file.content.matchAll(/^(?:import|export)\b(?!\s+type\b)[^;]*?from "(\.{1,2}\/[^"]+)"/gms)].map((match) =>
        join(dirname(file.path), match[1] ?? ""),
      ),
    ]),
  );
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (done.has(path)) return;
    if (trail.includes(path)) {
      found.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
      return;
    }
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}
