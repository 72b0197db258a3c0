// The command line in a few plain files instead of five hundred sources, so that it starts in half the time. packages/cox/bin/cox.cjs runs it
// as long as the sources are the ones that it was made of. Makes nothing else: daemons start seldom and run from their sources.
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { rolldown } from "rolldown";
import type { Plugin } from "rolldown";
import { projectRoot } from "./layout.ts";

const cox = join(projectRoot, "packages", "cox");

/** Answers how many sources went in. */
export async function bundleCox(target: string = join(cox, "dist")): Promise<number> {
  const begun = new Date();
  // Beside its place, so that what is there is replaced at once.
  mkdirSync(dirname(target), { recursive: true });
  const fresh = mkdtempSync(`${target}-`);
  try {
    const build = await rolldown({
      input: join(cox, "src", "main.ts"),
      platform: "node",
      plugins: [whereabouts(join(cox, "dist"))],
      onLog: (level, log, report) => {
        // yargs looks for modules that a configuration extends; ours extends none.
        if (log.code !== "EMPTY_IMPORT_META") report(level, log);
      },
    });
    const { output } = await build.write({
      dir: fresh,
      format: "cjs",
      entryFileNames: "[name].cjs",
      chunkFileNames: "[name]-[hash].cjs",
    });
    await build.close();
    const files = output.flatMap((each) => (each.type === "chunk" ? each.moduleIds : []));
    const sources = [...new Set(files)].filter(
      (file) => file.startsWith(`${projectRoot}/packages/`) && !file.includes("/node_modules/"),
    );
    const sizes = sources.toSorted().map((file) => [relative(projectRoot, file), statSync(file).size] as const);
    writeFileSync(join(fresh, "sources.json"), JSON.stringify(Object.fromEntries(sizes)));
    // As old as what it was made of: a source that was changed meanwhile is newer.
    utimesSync(join(fresh, "main.cjs"), begun, begun);
    rmSync(target, { recursive: true, force: true });
    renameSync(fresh, target);
    return sizes.length;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** `import.meta.url` stays the address of the source, seen from wherever the project lies. */
function whereabouts(directory: string): Plugin {
  return {
    name: "whereabouts",
    transform: (code, id) =>
      code.includes("import.meta.url")
        ? code.replaceAll("import.meta.url", `addressOf(${JSON.stringify(relative(directory, id))})`)
        : undefined,
    banner: ({ modules }) =>
      Object.values(modules).some(({ code }) => code?.includes("addressOf(") === true)
        ? 'const addressOf = (path) => require("node:url").pathToFileURL(require("node:path").join(__dirname, path)).href;'
        : "",
  };
}
