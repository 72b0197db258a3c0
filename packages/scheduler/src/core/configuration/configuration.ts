// Kubernetes' own configuration file of a scheduler (KubeSchedulerConfiguration, kubescheduler.config.k8s.io/v1), from a value of
// unknown shape to one that is complete, or a list of what is wrong with it. Reads no file.
import { fieldErrors, qualifiedNameErrors } from "@coxswain/apimachinery";
import type { FieldError } from "@coxswain/apimachinery";
import { argsReaders, defaultArgs } from "./plugin-args.ts";
import type { PluginArgs } from "./plugin-args.ts";
import { pluginPoints } from "./default-plugins.ts";
import { readPluginSets } from "./plugin-sets.ts";
import { Reader } from "./reader.ts";
import type {
  ExtenderConfiguration,
  ExtensionPoint,
  LeaderElectionConfiguration,
  ProfileConfiguration,
  SchedulerConfiguration,
} from "./types.ts";

export type Durations = (text: string) => number | undefined;
type Points = Readonly<Record<string, readonly ExtensionPoint[]>>;

const apiVersion = "kubescheduler.config.k8s.io/v1";

/** Everything as Kubernetes has it when no file is given. */
export function defaultConfiguration(schedulerName = "default-scheduler"): SchedulerConfiguration {
  return {
    kubeconfig: undefined,
    leaderElection: undefined,
    parallelism: 16,
    percentageOfNodesToScore: 0,
    podInitialBackoffSeconds: 1,
    podMaxBackoffSeconds: 10,
    profiles: [readProfile(new Reader({ schedulerName }, "", []), () => undefined, {})],
    extenders: [],
  };
}

export function readConfiguration(
  value: unknown,
  duration: Durations,
  extra: Points = {},
): { readonly configuration: SchedulerConfiguration; readonly errors: readonly FieldError[] } {
  const errors: FieldError[] = [];
  const reader = new Reader(value, "", errors);
  checkKind(reader);
  const client = reader.object("clientConnection");
  const kubeconfig = client.string("kubeconfig");
  for (const ignored of ["acceptContentTypes", "contentType", "qps", "burst"]) client.raw(ignored);
  client.end();
  for (const ignored of ["enableProfiling", "enableContentionProfiling", "delayCacheUntilActive"]) reader.raw(ignored);
  for (const gone of ["healthzBindAddress", "metricsBindAddress"]) reader.raw(gone);
  const parallelism = reader.integer("parallelism", 16);
  if (parallelism <= 0) reader.invalid("parallelism", "should be an integer value greater than zero");
  const percentage = readPercentage(reader);
  const initial = reader.integer("podInitialBackoffSeconds", 1);
  const longest = reader.integer("podMaxBackoffSeconds", 10);
  if (initial <= 0) reader.invalid("podInitialBackoffSeconds", "must be greater than 0");
  if (longest < initial)
    reader.invalid("podMaxBackoffSeconds", "must be greater than or equal to PodInitialBackoffSeconds");
  const leaderElection = reader.has("leaderElection")
    ? readLeaderElection(reader.object("leaderElection"), duration)
    : undefined;
  const extenders = reader.objects("extenders").map((one) => readExtender(one, duration));
  checkExtenders(reader, extenders);
  const profiles = reader.has("profiles")
    ? reader.objects("profiles").map((one) => readProfile(one, duration, extra))
    : defaultConfiguration().profiles;
  reader.raw("leaderElection");
  reader.list("profiles");
  checkProfiles(reader, profiles);
  reader.end();
  const ignoredByUs = extenders.flatMap(({ managedResources }) =>
    managedResources.filter(({ ignoredByScheduler }) => ignoredByScheduler).map(({ name }) => name),
  );
  return {
    errors,
    configuration: {
      kubeconfig: kubeconfig === "" ? undefined : kubeconfig,
      leaderElection,
      parallelism,
      percentageOfNodesToScore: percentage ?? 0,
      podInitialBackoffSeconds: initial,
      podMaxBackoffSeconds: longest,
      profiles: profiles.map((profile) => ignoring(profile, ignoredByUs)),
      extenders,
    },
  };
}

function checkKind(reader: Reader): void {
  const [version, kind] = [reader.string("apiVersion"), reader.string("kind")];
  if (kind !== "KubeSchedulerConfiguration")
    reader.errors.push(fieldErrors.notSupported("kind", kind, ["KubeSchedulerConfiguration"]));
  if (version !== apiVersion) reader.errors.push(fieldErrors.notSupported("apiVersion", version, [apiVersion]));
}

function readPercentage(reader: Reader): number | undefined {
  const percentage = reader.optionalInteger("percentageOfNodesToScore");
  if (percentage !== undefined && (percentage < 0 || percentage > 100))
    reader.invalid("percentageOfNodesToScore", "not in valid range [0-100]");
  reader.raw("percentageOfNodesToScore");
  return percentage;
}

function readProfile(reader: Reader, _duration: Durations, extra: Points): ProfileConfiguration {
  const schedulerName = reader.string("schedulerName", "default-scheduler");
  if (schedulerName === "") reader.required("schedulerName");
  const percentageOfNodesToScore = readPercentage(reader);
  const plugins = readPluginSets(reader.object("plugins"), schedulerName, extra);
  const args: { -readonly [Name in keyof PluginArgs]: PluginArgs[Name] } = { ...defaultArgs };
  const seen = new Set<string>();
  for (const entry of reader.objects("pluginConfig")) {
    const name = entry.string("name");
    if (seen.has(name)) reader.errors.push(fieldErrors.duplicate(entry.path, name));
    seen.add(name);
    const given = entry.object("args");
    for (const meta of ["apiVersion", "kind"]) given.raw(meta);
    if (isConfigurable(name)) readArgs(name, given, args);
    else if (pluginPoints[name] === undefined && extra[name] === undefined)
      entry.invalid("name", `plugin "${name}" does not exist`);
    given.end();
    entry.end();
  }
  reader.end();
  return { schedulerName, percentageOfNodesToScore, plugins, args };
}

function readArgs<Name extends keyof PluginArgs>(
  name: Name,
  given: Reader,
  into: { -readonly [N in keyof PluginArgs]: PluginArgs[N] },
): void {
  into[name] = argsReaders[name](given);
}

function isConfigurable(name: string): name is keyof PluginArgs {
  return Object.hasOwn(argsReaders, name);
}

function checkProfiles(reader: Reader, profiles: readonly ProfileConfiguration[]): void {
  if (profiles.length === 0) reader.required("profiles");
  profiles.forEach(({ schedulerName, plugins }, index) => {
    const first = profiles.findIndex((profile) => profile.schedulerName === schedulerName);
    if (first < index)
      reader.errors.push(fieldErrors.duplicate(`profiles[${index}].schedulerName`, `profiles[${first}].schedulerName`));
    if (JSON.stringify(plugins.queueSort) !== JSON.stringify(profiles[0]?.plugins.queueSort))
      reader.errors.push(
        fieldErrors.invalid(
          `profiles[${index}].plugins.queueSort`,
          plugins.queueSort,
          "must be the same for all profiles",
        ),
      );
  });
}

function readLeaderElection(reader: Reader, duration: Durations): LeaderElectionConfiguration {
  const read = {
    leaderElect: reader.boolean("leaderElect", true),
    leaseDurationMs: readDuration(reader, "leaseDuration", 15_000, duration),
    renewDeadlineMs: readDuration(reader, "renewDeadline", 10_000, duration),
    retryPeriodMs: readDuration(reader, "retryPeriod", 2_000, duration),
    resourceName: reader.string("resourceName", "kube-scheduler"),
    resourceNamespace: reader.string("resourceNamespace", "kube-system"),
  };
  const lock = reader.string("resourceLock", "leases");
  if (lock !== "leases") reader.invalid("resourceLock", 'resourceLock value must be "leases"');
  reader.end();
  if (read.leaseDurationMs <= read.renewDeadlineMs)
    reader.invalid("leaseDuration", "LeaseDuration must be greater than RenewDeadline");
  if (read.renewDeadlineMs <= read.retryPeriodMs)
    reader.invalid("renewDeadline", "RenewDeadline must be greater than RetryPeriod");
  return read;
}

function readExtender(reader: Reader, duration: Durations): ExtenderConfiguration {
  const hasTls = reader.has("tlsConfig");
  const tls = reader.object("tlsConfig");
  const text = (name: string): string => tls.string(name);
  const extender = {
    urlPrefix: reader.string("urlPrefix"),
    filterVerb: reader.string("filterVerb"),
    preemptVerb: reader.string("preemptVerb"),
    prioritizeVerb: reader.string("prioritizeVerb"),
    bindVerb: reader.string("bindVerb"),
    weight: reader.integer("weight", 0),
    httpTimeoutMs: readDuration(reader, "httpTimeout", 5_000, duration),
    nodeCacheCapable: reader.boolean("nodeCacheCapable"),
    ignorable: reader.boolean("ignorable"),
    managedResources: reader.objects("managedResources").map((one) => {
      const resource = { name: one.string("name"), ignoredByScheduler: one.boolean("ignoredByScheduler") };
      for (const detail of qualifiedNameErrors(resource.name)) one.invalid("name", detail);
      if (!resource.name.includes("/") || resource.name.startsWith("kubernetes.io/"))
        one.invalid("name", "is an invalid extended resource name");
      one.end();
      return resource;
    }),
    tls: hasTls
      ? {
          insecure: tls.boolean("insecure"),
          serverName: text("serverName"),
          certFile: text("certFile"),
          keyFile: text("keyFile"),
          caFile: text("caFile"),
          certData: text("certData"),
          keyData: text("keyData"),
          caData: text("caData"),
        }
      : undefined,
  };
  reader.boolean("enableHTTPS");
  tls.end();
  reader.end();
  if (extender.urlPrefix === "" || !URL.canParse(extender.urlPrefix))
    reader.invalid("urlPrefix", "expected the URL at which the extender answers");
  if (extender.prioritizeVerb !== "" && extender.weight <= 0)
    reader.invalid("weight", "must have a positive weight applied to it", extender.weight);
  return extender;
}

function checkExtenders(reader: Reader, extenders: readonly ExtenderConfiguration[]): void {
  const binders = extenders.filter(({ bindVerb }) => bindVerb !== "").length;
  if (binders > 1)
    reader.errors.push(
      fieldErrors.invalid(
        "extenders",
        `found ${binders} extenders implementing bind`,
        "only one extender can implement bind",
      ),
    );
  const seen = new Set<string>();
  extenders.forEach(({ managedResources }, index) =>
    managedResources.forEach(({ name }, at) => {
      if (seen.has(name))
        reader.errors.push(
          fieldErrors.invalid(
            `extenders[${index}].managedResources[${at}].name`,
            name,
            "duplicate extender managed resource name",
          ),
        );
      seen.add(name);
    }),
  );
}

function readDuration(reader: Reader, name: string, fallbackMs: number, duration: Durations): number {
  const text = reader.string(name);
  if (text === "") return fallbackMs;
  const ms = duration(text);
  if (ms === undefined) reader.invalid(name, 'expected a duration such as "5s"');
  return ms ?? fallbackMs;
}

/** Resources that an extender looks after are none of NodeResourcesFit's business. */
function ignoring(profile: ProfileConfiguration, resources: readonly string[]): ProfileConfiguration {
  if (resources.length === 0) return profile;
  const fit = profile.args.NodeResourcesFit;
  const ignoredResources = [...fit.ignoredResources, ...resources];
  return { ...profile, args: { ...profile.args, NodeResourcesFit: { ...fit, ignoredResources } } };
}
