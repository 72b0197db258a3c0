// The table of packages and the arrows between them (docs/architecture.md) is true: manifests say the same, sources
// import nothing else, and there is no cycle.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageNames, packagesDir, projectRoot, sourcesOf } from "./sources.ts";

/** Rows of the table "The packages" in docs/architecture.md: package → what it may import. */
function table(): Map<string, readonly string[]> {
  const text = readFileSync(join(projectRoot, "docs", "architecture.md"), "utf8");
  const rows = [...text.matchAll(/^\| [^|]+ \| `([a-z-]+)` \| [^|]+ \| ([^|]+) \|$/gm)];
  return new Map(
    rows.map(([, name = "", arrows = ""]) => [
      name,
      arrows.trim() === "nothing" ? [] : arrows.trim().split(", ").sort(),
    ]),
  );
}

function manifestArrows(name: string): readonly string[] {
  const manifest = JSON.parse(readFileSync(join(packagesDir, name, "package.json"), "utf8")) as {
    dependencies?: Record<string, string>;
  };
  return Object.entries(manifest.dependencies ?? {})
    .filter(([, version]) => version.startsWith("workspace:"))
    .map(([dependency]) => dependency.replace("@coxswain/", ""))
    .sort();
}

describe("the arrows between packages", () => {
  it("are the table in docs/architecture.md", () => {
    const manifests = Object.fromEntries(packageNames().map((name) => [name, manifestArrows(name)]));
    expect(manifests).toEqual(Object.fromEntries([...table()].sort(([a], [b]) => (a < b ? -1 : 1))));
  });

  it("are all used: no manifest declares a package that its sources never import", () => {
    const unused = packageNames().flatMap((name) => {
      const text = sourcesOf(name)
        .map(({ content }) => content)
        .join("\n");
      return manifestArrows(name)
        .filter((arrow) => !new RegExp(`"(@coxswain/)?${arrow}(/[^"]*)?"`).test(text))
        .map((arrow) => `${name} → ${arrow}`);
    });
    expect(unused).toEqual([]);
  });

  it("never lead past a door: every exported path exists", () => {
    const broken = packageNames().flatMap((name) => {
      const manifest = JSON.parse(readFileSync(join(packagesDir, name, "package.json"), "utf8")) as {
        exports: Record<string, string>;
      };
      return Object.values(manifest.exports)
        .filter((path) => !path.includes("*") && !existsSync(join(packagesDir, name, path)))
        .map((path) => `${name}: ${path}`);
    });
    expect(broken).toEqual([]);
  });

  it("have no package called utils, common, shared, helpers or core", () => {
    expect(readdirSync(packagesDir).filter((name) => /^(utils?|common|shared|helpers?|core)$/.test(name))).toEqual([]);
  });
});
