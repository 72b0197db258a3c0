// `cox kustomize`: prints what a kustomization builds.
import { array, bool, text } from "../args/common.ts";
import type { Flags } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import { formatYaml } from "../print/yaml.ts";

const noHelm = "cox runs no helm; render the chart with helm template and name the file in resources";
const noFunctions = "cox runs no functions and plugins of kustomize";

const refused: Flags = {
  "as-current-user": bool("Use the uid and gid of the command executor to run the function in the container", {
    fixed: noFunctions,
  }),
  "enable-alpha-plugins": bool("Enable kustomize plugins", { fixed: noFunctions }),
  "enable-helm": bool("Enable use of the Helm chart inflator generator.", { fixed: noHelm }),
  env: array("A list of environment variables to be used by functions", { short: "e", fixed: noFunctions }),
  "helm-api-versions": array("Kubernetes api versions used by Helm for Capabilities.APIVersions", { fixed: noHelm }),
  "helm-command": text("helm command (path to executable)", { default: "helm", fixed: noHelm }),
  "helm-debug": bool("Enable debug output from the Helm chart inflator generator.", { fixed: noHelm }),
  "helm-kube-version": text("Kubernetes version used by Helm for Capabilities.KubeVersion", { fixed: noHelm }),
  mount: array("A list of storage options read from the filesystem", { fixed: noFunctions }),
  network: bool("Enable network access for functions that declare it", { fixed: noFunctions }),
  "network-name": text("The docker network to run the container in", { default: "bridge", fixed: noFunctions }),
};

export const kustomize: Command = {
  usage: "kustomize DIR [options]",
  summary: "Build a kustomization target from a directory",
  description:
    "Build a kustomization target from a directory: resources, bases, components, patches, names, labels, images, replicas, replacements, vars and generators. Remote bases, helm and plugins are refused.",
  flags: {
    ...refused,
    "load-restrictor": text(
      "If set to 'LoadRestrictionsNone', local kustomizations may load files from outside their root. This does, however, break the relocatability of the kustomization.",
      { default: "LoadRestrictionsRootOnly" },
    ),
    output: text("If specified, write output to this path.", { short: "o" }),
  },
  run: async (session, args) => {
    const [directory = ".", ...more] = args.words;
    if (more.length > 0) throw new CommandError("specify one path to kustomization.yaml");
    const restrictor = args.text("load-restrictor");
    if (!["LoadRestrictionsRootOnly", "LoadRestrictionsNone"].includes(restrictor))
      throw new CommandError(
        `illegal flag value --load-restrictor ${restrictor}; legal values: [LoadRestrictionsRootOnly LoadRestrictionsNone]`,
      );
    const { buildKustomization } = await import("../kustomize/build.ts");
    const objects = await buildKustomization(directory, { anywhere: restrictor === "LoadRestrictionsNone" });
    const text = objects.map(formatYaml).join("---\n");
    if (args.text("output") === "") return session.out.write(text);
    const { writeFileSync } = await import("node:fs");
    writeFileSync(args.text("output"), text);
  },
};
