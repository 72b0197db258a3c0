// Every command once, in the order of `--help`; each is loaded when it is called. What kubectl has is declared as a Command;
// what only cox has is added to yargs.
import type { CommandEntry } from "./command.ts";
import type { Argv } from "yargs";
import type { WithSession } from "./session.ts";

export interface Group {
  readonly title: string;
  readonly commands: Readonly<Record<string, CommandEntry>>;
}

const entry = (
  summary: string,
  load: CommandEntry["load"],
  rest: Pick<CommandEntry, "aliases" | "hidden"> = {},
): CommandEntry => ({ summary, load, ...rest });

export const groups: readonly Group[] = [
  {
    title: "Answers that only cox has",
    commands: {
      status: entry("Show the whole cluster on one screen", () => import("./commands/status.ts").then((m) => m.status)),
      why: entry("Tell why an object is in the state it is in", () => import("./commands/why.ts").then((m) => m.why)),
      tree: entry("Show an object with its owners and dependants", () =>
        import("./commands/tree.ts").then((m) => m.tree),
      ),
      retry: entry("End a pod's back-off and try again now", () => import("./commands/retry.ts").then((m) => m.retry)),
    },
  },
  {
    title: "Basic Commands (Beginner)",
    commands: {
      create: entry("Create a resource from a file or from stdin", () =>
        import("./commands/create.ts").then((m) => m.create),
      ),
      expose: entry(
        "Take a replication controller, service, deployment or pod and expose it as a new Kubernetes service",
        () => import("./commands/expose.ts").then((m) => m.expose),
      ),
      run: entry("Run a particular image on the cluster", () => import("./commands/run.ts").then((m) => m.run)),
      set: entry("Set specific features on objects", () => import("./commands/set.ts").then((m) => m.set)),
    },
  },
  {
    title: "Basic Commands (Intermediate)",
    commands: {
      explain: entry("Get documentation for a resource", () => import("./commands/explain.ts").then((m) => m.explain)),
      get: entry("Display one or many resources", () => import("./commands/get.ts").then((m) => m.get)),
      edit: entry("Edit a resource on the server", () => import("./commands/edit.ts").then((m) => m.edit)),
      delete: entry(
        "Delete resources by file names, stdin, resources and names, or by resources and label selector",
        () => import("./commands/delete.ts").then((m) => m.deleteCommand),
      ),
    },
  },
  {
    title: "Deploy Commands",
    commands: {
      rollout: entry("Manage the rollout of a resource", () => import("./commands/rollout.ts").then((m) => m.rollout)),
      scale: entry("Set a new size for a deployment, replica set, or replication controller", () =>
        import("./commands/scale.ts").then((m) => m.scale),
      ),
      autoscale: entry("Auto-scale a deployment, replica set, stateful set, or replication controller", () =>
        import("./commands/autoscale.ts").then((m) => m.autoscale),
      ),
    },
  },
  {
    title: "Cluster Management Commands",
    commands: {
      certificate: entry("Modify certificate resources", () =>
        import("./commands/certificate.ts").then((m) => m.certificate),
      ),
      "cluster-info": entry("Display cluster information", () =>
        import("./commands/cluster-info.ts").then((m) => m.clusterInfo),
      ),
      top: entry("Display resource (CPU/memory) usage", () => import("./commands/top.ts").then((m) => m.top)),
      cordon: entry("Mark node as unschedulable", () => import("./commands/cordon.ts").then((m) => m.cordon)),
      uncordon: entry("Mark node as schedulable", () => import("./commands/cordon.ts").then((m) => m.uncordon)),
      drain: entry("Drain node in preparation for maintenance", () =>
        import("./commands/drain.ts").then((m) => m.drain),
      ),
      taint: entry("Update the taints on one or more nodes", () => import("./commands/taint.ts").then((m) => m.taint)),
    },
  },
  {
    title: "Troubleshooting and Debugging Commands",
    commands: {
      describe: entry("Show details of a specific resource or group of resources", () =>
        import("./commands/describe.ts").then((m) => m.describe),
      ),
      logs: entry("Print the logs for a container in a pod", () => import("./commands/logs.ts").then((m) => m.logs), {
        aliases: ["log"],
      }),
      attach: entry("Attach to a running container", () => import("./commands/attach.ts").then((m) => m.attach)),
      debug: entry("Create debugging sessions for troubleshooting workloads and nodes", () =>
        import("./commands/debug.ts").then((m) => m.debug),
      ),
      exec: entry("Execute a command in a container", () => import("./commands/exec.ts").then((m) => m.exec)),
      cp: entry("Copy files and directories to and from containers", () =>
        import("./commands/cp.ts").then((m) => m.cp),
      ),
      "port-forward": entry("Forward one or more local ports to a pod", () =>
        import("./commands/port-forward.ts").then((m) => m.portForward),
      ),
      proxy: entry("Run a proxy to the Kubernetes API server", () =>
        import("./commands/proxy.ts").then((m) => m.proxy),
      ),
      auth: entry("Inspect authorization", () => import("./commands/auth.ts").then((m) => m.auth)),
      events: entry("List events", () => import("./commands/events.ts").then((m) => m.events)),
    },
  },
  {
    title: "Advanced Commands",
    commands: {
      diff: entry("Diff the live version against a would-be applied version", () =>
        import("./commands/diff.ts").then((m) => m.diff),
      ),
      apply: entry("Apply a configuration to a resource by file name or stdin", () =>
        import("./commands/apply.ts").then((m) => m.apply),
      ),
      patch: entry("Update fields of a resource", () => import("./commands/patch.ts").then((m) => m.patch)),
      replace: entry("Replace a resource by file name or stdin", () =>
        import("./commands/replace.ts").then((m) => m.replace),
      ),
      wait: entry("Wait for a specific condition on one or many resources", () =>
        import("./commands/wait.ts").then((m) => m.wait),
      ),
      kustomize: entry("Build a kustomization target from a directory", () =>
        import("./commands/kustomize.ts").then((m) => m.kustomize),
      ),
    },
  },
  {
    title: "Settings Commands",
    commands: {
      label: entry("Update the labels on a resource", () => import("./commands/label.ts").then((m) => m.label)),
      annotate: entry("Update the annotations on a resource", () =>
        import("./commands/annotate.ts").then((m) => m.annotate),
      ),
    },
  },
  {
    title: "Other Commands",
    commands: {
      "api-resources": entry("Print the supported API resources on the server", () =>
        import("./commands/api-resources.ts").then((m) => m.apiResources),
      ),
      "api-versions": entry('Print the supported API versions on the server, in the form of "group/version"', () =>
        import("./commands/api-resources.ts").then((m) => m.apiVersions),
      ),
      completion: entry("Output shell completion code for the specified shell (bash, zsh, fish)", () =>
        import("./commands/completion.ts").then((m) => m.completion),
      ),
      config: entry("Modify kubeconfig files", () => import("./commands/config.ts").then((m) => m.config)),
      plugin: entry("Provides utilities for interacting with plugins", () =>
        import("./commands/plugin.ts").then((m) => m.plugin),
      ),
      version: entry("Print the client and server version information", () =>
        import("./commands/version.ts").then((m) => m.version),
      ),
    },
  },
];

/** Commands that kubectl has not, as yargs adds them; the text is what the list of commands says. */
export const yargsCommands: Readonly<
  Record<
    string,
    { readonly summary: string; readonly load: () => Promise<(cli: Argv, withSession: WithSession) => Argv> }
  >
> = {
  drill: {
    summary: "Break a cluster on purpose, and get a verdict",
    load: () => import("./commands/drill.ts").then((m) => m.addDrill),
  },
};

export function findCommand(name: string): CommandEntry | undefined {
  for (const { commands } of groups) {
    const own = commands[name] ?? Object.values(commands).find((each) => each.aliases?.includes(name));
    if (own) return own;
  }
  return undefined;
}

export const commandNames = (): readonly string[] =>
  groups
    .flatMap(({ commands }) =>
      Object.entries(commands)
        .filter(([, each]) => each.hidden !== true)
        .map(([name]) => name),
    )
    .concat(Object.keys(yargsCommands));
