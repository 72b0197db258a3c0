// `create deployment`, `job`, `cronjob`, `pdb`, `quota`, `priorityclass`, `ingress`, `namespace`, `serviceaccount`.
import { array, bool, number, slice, text } from "../args/common.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import { getObject } from "../resource/api.ts";
import { creation, metadataOf, pairs } from "./creation.ts";

/** The command of a pod stands behind "--". */
const afterDash = (words: readonly string[], dashAt: number | undefined): string[] =>
  dashAt === undefined ? [] : words.slice(dashAt);

const imageName = (image: string): string =>
  (image.split("/").at(-1) ?? "")
    .split("@")[0]
    ?.split(":")[0]
    ?.replace(/[^a-zA-Z0-9-]/g, "-") ?? "";

export const namespace: Command = creation({
  usage: "namespace NAME [--dry-run=server|client|none]",
  summary: "Create a namespace with the specified name",
  make: (args) => ({
    kind: "Namespace",
    apiVersion: "v1",
    metadata: metadataOf(args.words[0] ?? ""),
    spec: {},
    status: {},
  }),
});

export const serviceAccount: Command = creation({
  usage: "serviceaccount NAME [--dry-run=server|client|none]",
  summary: "Create a service account with the specified name",
  make: (args) => ({ kind: "ServiceAccount", apiVersion: "v1", metadata: metadataOf(args.words[0] ?? "") }),
});

export const deployment: Command = {
  ...creation({
    usage: "deployment NAME --image=image -- [COMMAND] [args...]",
    summary: "Create a deployment with the specified name",
    examples: `
# A deployment that runs an image
cox create deployment my-dep --image=busybox

# With a command
cox create deployment my-dep --image=busybox -- date

# Three replicas
cox create deployment my-dep --image=nginx --replicas=3`,
    flags: {
      image: slice("Image names to run. A deployment can have multiple images set for multi-container pod."),
      port: number("The containerPort that this deployment exposes.", { default: "-1" }),
      replicas: number("Number of replicas to create. Default is 1.", { default: "1", short: "r" }),
    },
    words: "some",
    make: (args) => {
      const command = afterDash(args.words, args.dashAt);
      const names = args.dashAt === undefined ? args.words : args.words.slice(0, args.dashAt);
      const [name] = names;
      if (names.length !== 1 || name === undefined)
        throw new CommandError(`exactly one NAME is required, got ${names.length}`);
      const images = args.list("image");
      if (images.length === 0) throw new CommandError('required flag(s) "image" not set');
      if (images.length > 1 && command.length > 0)
        throw new CommandError("cannot specify multiple --image options and command");
      if (args.number("replicas") < 0) throw new CommandError("replicas must be greater than or equal to 0");
      const seen = new Map<string, number>();
      const containers = images.map((image) => {
        const plain = imageName(image);
        seen.set(plain, (seen.get(plain) ?? 0) + 1);
        return {
          image,
          name: plain,
          ...(command.length > 0 ? { command } : {}),
          ...(args.number("port") > 0 ? { ports: [{ containerPort: args.number("port") }] } : {}),
          resources: {},
        };
      });
      const labels = { app: name };
      return {
        kind: "Deployment",
        apiVersion: "apps/v1",
        metadata: metadataOf(name, labels),
        spec: {
          replicas: args.number("replicas"),
          selector: { matchLabels: labels },
          strategy: {},
          template: { metadata: { creationTimestamp: null, labels }, spec: { containers } },
        },
        status: {},
      };
    },
  }),
};

function jobTemplate(
  name: string,
  image: string,
  command: readonly string[],
  restart: string,
): Record<string, unknown> {
  return {
    template: {
      metadata: { creationTimestamp: null },
      spec: {
        containers: [{ ...(command.length > 0 ? { command } : {}), image, name, resources: {} }],
        restartPolicy: restart,
      },
    },
  };
}

export const job: Command = creation({
  usage: "job NAME --image=image [--from=cronjob/name] -- [COMMAND] [args...]",
  summary: "Create a job with the specified name",
  flags: {
    image: text("Image name to run."),
    from: text("The name of the resource to create a Job from (only cronjob is supported)."),
  },
  words: "some",
  make: async (args, session) => {
    const command = afterDash(args.words, args.dashAt);
    const [name, ...more] = args.dashAt === undefined ? args.words : args.words.slice(0, args.dashAt);
    if (name === undefined || more.length > 0)
      throw new CommandError(`exactly one NAME is required, got ${more.length + (name === undefined ? 0 : 1)}`);
    const [image, from] = [args.text("image"), args.text("from")];
    if ((image === "") === (from === "")) throw new CommandError("either --image or --from must be specified");
    if (command.length > 0 && from !== "") throw new CommandError("cannot specify --from and command");
    if (from === "")
      return {
        kind: "Job",
        apiVersion: "batch/v1",
        metadata: metadataOf(name),
        spec: jobTemplate(name, image, command, "Never"),
        status: {},
      };
    const [type = "", cronName = ""] = from.split("/");
    const descriptor = await (await session.mapper()).find(type);
    if (descriptor.resource !== "cronjobs")
      throw new CommandError(`from must be an existing cronjob: cronjob/NAME, not ${from}`);
    const cron = await getObject(session, descriptor, session.namespace, cronName);
    const template = (
      cron["spec"] as {
        jobTemplate: {
          metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
          spec: unknown;
        };
      }
    ).jobTemplate;
    return {
      kind: "Job",
      apiVersion: "batch/v1",
      metadata: {
        ...metadataOf(name, template.metadata?.labels),
        annotations: { ...template.metadata?.annotations, "cronjob.kubernetes.io/instantiate": "manual" },
        ownerReferences: [
          { apiVersion: "batch/v1", kind: "CronJob", name: cronName, uid: cron.metadata.uid ?? "", controller: true },
        ],
      },
      spec: template.spec,
      status: {},
    };
  },
});

export const cronJob: Command = creation({
  usage: "cronjob NAME --image=image --schedule='0/5 * * * ?' -- [COMMAND] [args...]",
  summary: "Create a cron job with the specified name",
  flags: {
    image: text("Image name to run."),
    schedule: text("A schedule in the Cron format the job should be run with."),
    restart: text("job's restart policy. supported values: OnFailure, Never"),
  },
  words: "some",
  make: (args) => {
    const command = afterDash(args.words, args.dashAt);
    const [name] = args.dashAt === undefined ? args.words : args.words.slice(0, args.dashAt);
    if (name === undefined) throw new CommandError("exactly one NAME is required, got 0");
    for (const flag of ["image", "schedule"])
      if (args.text(flag) === "") throw new CommandError(`required flag(s) "${flag}" not set`);
    return {
      kind: "CronJob",
      apiVersion: "batch/v1",
      metadata: metadataOf(name),
      spec: {
        jobTemplate: {
          metadata: { creationTimestamp: null, name },
          spec: jobTemplate(name, args.text("image"), command, args.text("restart") || "OnFailure"),
        },
        schedule: args.text("schedule"),
      },
      status: {},
    };
  },
});

export const pdb: Command = creation({
  usage: "poddisruptionbudget NAME --selector=SELECTOR --min-available=N [--dry-run=server|client|none]",
  summary: "Create a pod disruption budget with the specified name",
  flags: {
    selector: text("A label selector to use for this budget."),
    "min-available": text("The minimum number or percentage of available pods this budget requires."),
    "max-unavailable": text("The maximum number or percentage of unavailable pods this budget requires."),
  },
  make: async (args) => {
    const selector = args.text("selector");
    if (selector === "") throw new CommandError("a selector must be specified");
    const [min, max] = [args.text("min-available"), args.text("max-unavailable")];
    if (min === "" && max === "") throw new CommandError("one of min-available or max-unavailable must be specified");
    if (min !== "" && max !== "") throw new CommandError("min-available and max-unavailable cannot be both specified");
    const amount = (value: string): string | number => (/^\d+$/.test(value) ? Number(value) : value);
    const { selectorObject } = await import("../resource/selector-object.ts");
    return {
      kind: "PodDisruptionBudget",
      apiVersion: "policy/v1",
      metadata: metadataOf(args.words[0] ?? ""),
      spec: {
        ...(min === "" ? { maxUnavailable: amount(max) } : { minAvailable: amount(min) }),
        selector: selectorObject(selector),
      },
      status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 },
    };
  },
});

export const quota: Command = creation({
  usage: "quota NAME [--hard=key1=value1,key2=value2] [--scopes=Scope1,Scope2]",
  summary: "Create a quota with the specified name",
  flags: {
    hard: text("A comma-delimited set of resource=quantity pairs that define a hard limit."),
    scopes: text("A comma-delimited set of quota scopes that must all match each object tracked by the quota."),
  },
  make: (args) => ({
    kind: "ResourceQuota",
    apiVersion: "v1",
    metadata: metadataOf(args.words[0] ?? ""),
    spec: {
      ...(args.text("hard") === "" ? {} : { hard: pairs(args.text("hard").split(","), "argument value") }),
      ...(args.text("scopes") === "" ? {} : { scopes: args.text("scopes").split(",") }),
    },
    status: {},
  }),
});

export const priorityClass: Command = creation({
  usage: "priorityclass NAME --value=VALUE --global-default=BOOL [--dry-run=server|client|none]",
  summary: "Create a priority class with the specified name",
  flags: {
    value: number("the value of this priority class."),
    "global-default": bool(
      "global-default specifies whether this PriorityClass should be considered as the default priority.",
    ),
    description: text(
      "description is an arbitrary string that usually provides guidelines on when this priority class should be used.",
    ),
    "preemption-policy": text("preemption-policy is the policy for preempting pods with lower priority.", {
      default: "PreemptLowerPriority",
    }),
  },
  make: (args) => ({
    kind: "PriorityClass",
    apiVersion: "scheduling.k8s.io/v1",
    metadata: metadataOf(args.words[0] ?? ""),
    value: args.number("value"),
    ...(args.flag("global-default") ? { globalDefault: true } : {}),
    ...(args.text("description") === "" ? {} : { description: args.text("description") }),
    preemptionPolicy: args.text("preemption-policy"),
  }),
});

export const ingress: Command = creation({
  usage: "ingress NAME --rule=host/path=service:port[,tls[=secret]]",
  summary: "Create an ingress with the specified name",
  flags: {
    rule: array(
      "Rule in format host/path=service:port[,tls=secretname]. Paths containing the leading character '*' are considered pathType=Prefix.",
    ),
    class: text("Ingress Class to be used"),
    "default-backend": text("Default service for backend, in format of svcname:port"),
    annotation: array("Annotation to insert in the ingress object, in the format annotation=value"),
  },
  make: (args) => {
    const rules = args.list("rule").map(parseRule);
    if (rules.length === 0 && args.text("default-backend") === "")
      throw new CommandError(
        "not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) or a list of rules (which catch specific paths)",
      );
    const hosts = [...new Set(rules.map((rule) => rule.host))];
    const annotations = pairs(args.list("annotation"), "annotation");
    const secrets = [...new Set(rules.filter((rule) => rule.tls !== undefined).map((rule) => rule.tls ?? ""))];
    return {
      kind: "Ingress",
      apiVersion: "networking.k8s.io/v1",
      metadata: {
        ...metadataOf(args.words[0] ?? ""),
        ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      },
      spec: {
        ...(args.text("class") === "" ? {} : { ingressClassName: args.text("class") }),
        ...(args.text("default-backend") === "" ? {} : { defaultBackend: backendOf(args.text("default-backend")) }),
        ...(rules.length === 0
          ? {}
          : {
              rules: hosts.map((host) => ({
                ...(host === "" ? {} : { host }),
                http: {
                  paths: rules
                    .filter((rule) => rule.host === host)
                    .map((rule) => ({ backend: rule.backend, path: rule.path, pathType: rule.pathType })),
                },
              })),
            }),
        ...(secrets.length === 0
          ? {}
          : {
              tls: secrets.map((secretName) => ({
                hosts: [
                  ...new Set(
                    rules
                      .filter((rule) => rule.tls === secretName)
                      .map((rule) => rule.host)
                      .filter((host) => host !== ""),
                  ),
                ],
                ...(secretName === "" ? {} : { secretName }),
              })),
            }),
      },
      status: { loadBalancer: {} },
    };
  },
});

interface Rule {
  readonly host: string;
  readonly path: string;
  readonly pathType: string;
  readonly backend: unknown;
  readonly tls: string | undefined;
}

function parseRule(text: string): Rule {
  const [, host = "", path = "", backend = "", tls] =
    /^([\w\-.*]*)(\/.*?)=([\w.-]+:[\w-]+)(?:,(tls(?:=[\w.-]+)?))?$/.exec(text) ?? [];
  if (backend === "")
    throw new CommandError(`rule ${text} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]`);
  const prefix = path.endsWith("*");
  return {
    host,
    path: prefix ? path.slice(0, -1) : path,
    pathType: prefix ? "Prefix" : "Exact",
    backend: backendOf(backend),
    tls: tls === undefined ? undefined : (tls.split("=")[1] ?? ""),
  };
}

function backendOf(text: string): unknown {
  const [name = "", port = ""] = text.split(":");
  return { service: { name, port: /^\d+$/.test(port) ? { number: Number(port) } : { name: port } } };
}
