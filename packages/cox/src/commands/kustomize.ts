// `cox kustomize`: prints what a kustomization builds.
import { text } from "../args/common.ts";
import type { Command } from "../command.ts";
import { formatYaml } from "../print/yaml.ts";

export const kustomize: Command = {
  usage: "kustomize DIR [options]",
  summary: "Build a kustomization target from a directory",
  description:
    "Build a kustomization target from a directory: resources, bases, patches, names, labels, images, replicas and generators. Remote bases, components, replacements, helm and plugins are refused.",
  flags: { output: text("If specified, write output to this path.", { short: "o" }) },
  run: async (session, args) => {
    const { buildKustomization } = await import("../kustomize/build.ts");
    const text = (await buildKustomization(args.words[0] ?? ".")).map(formatYaml).join("---\n");
    if (args.text("output") === "") return session.out.write(text);
    const { writeFileSync } = await import("node:fs");
    writeFileSync(args.text("output"), text);
  },
};
