// `cox debug`: a container of one's own beside those of a pod, in a copy of the pod, or on a node; with -i our streams are its own.
import { array, bool, duration, filenameFlags, text } from "../args/common.ts";
import { UsageError } from "../args/flags.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { list, part, str } from "../describe/page.ts";
import { CommandError } from "../failure.ts";
import { call, createObject, getObject, patchObject } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import { fromFiles, hasFiles, parseTargets } from "../resource/builder.ts";
import type { Descriptor } from "../resource/mapper.ts";
import type { PodLike } from "../resource/pods-of.ts";
import { waitForObject } from "../resource/wait-for.ts";
import type { Session } from "../session.ts";
import { variable } from "./run.ts";
import { profileOf, profiles } from "./debug-profiles.ts";
import { deleteOne } from "./delete.ts";
import { stream } from "./exec.ts";

/** What a copy keeps of its pod. */
const kept = {
  "keep-annotations": { help: "If true, keep the original pod annotations.", usually: false },
  "keep-init-containers": { help: "Run the init containers for the pod.", usually: true },
  "keep-labels": { help: "If true, keep the original pod labels.", usually: false },
  "keep-liveness": { help: "If true, keep the original pod liveness probes.", usually: false },
  "keep-readiness": { help: "If true, keep the original pod readiness probes.", usually: false },
  "keep-startup": { help: "If true, keep the original startup probes.", usually: false },
} as const;

export const debug: Command = {
  usage: "debug (POD | TYPE[[.VERSION].GROUP]/NAME) [ -- COMMAND [args...] ] [options]",
  summary: "Create debugging sessions for troubleshooting workloads and nodes",
  examples: `
# A shell beside the containers of a pod, which sees the processes of one
cox debug mypod -it --image=busybox --target=app

# A copy of a pod with another image
cox debug mypod --copy-to=mypod-debug --set-image=app=app:debug

# A shell on a node; its files are under /host
cox debug node/worker-1 -it --image=busybox`,
  flags: {
    "arguments-only": bool(
      "If specified, everything after -- will be passed to the new container as Args instead of Command.",
    ),
    attach: bool(
      "If true, wait for the container to start running, and then attach as if 'cox attach ...' were called. Default false, unless '-i/--stdin' is set.",
    ),
    container: text("Container name to use for debug container.", { short: "c" }),
    "copy-to": text("Create a copy of the target Pod with this name."),
    custom: text(
      "Path to a JSON or YAML file containing a partial container spec to customize built-in debug profiles.",
    ),
    env: array("Environment variables to set in the container."),
    filename: { ...filenameFlags["filename"]!, help: "identifying the resource to debug" },
    image: text("Container image to use for debug container."),
    "image-pull-policy": text("The image pull policy for the container."),
    ...Object.fromEntries(
      Object.entries(kept).map(([name, { help, usually }]) => [
        name,
        bool(`${help} (Only with --copy-to.)`, usually ? { default: "true" } : {}),
      ]),
    ),
    "pod-running-timeout": duration("The length of time to wait until the container runs", { default: "1m0s" }),
    profile: text(`Options are ${profiles.map((each) => `"${each}"`).join(", ")}.`, { default: "general" }),
    quiet: bool("If true, suppress informational messages.", { short: "q" }),
    replace: bool("When used with '--copy-to', delete the original Pod."),
    "same-node": bool("When used with '--copy-to', schedule the copy of target Pod on the same node."),
    "set-image": array("When used with '--copy-to', a list of name=image pairs for changing container images."),
    "share-processes": bool("When used with '--copy-to', enable process namespace sharing in the copy.", {
      default: "true",
    }),
    stdin: bool("Keep stdin open on the container(s) in the pod, even if nothing is attached.", { short: "i" }),
    target: text("When using an ephemeral container, target processes in this container name."),
    tty: bool("Allocate a TTY for the debugging container.", { short: "t" }),
  },
  run: async (session, args) => {
    const words = args.dashAt === undefined ? args.words : args.words.slice(0, args.dashAt);
    if (words.length === 0 && !hasFiles(args)) throw new UsageError("NAME or TYPE/NAME is required for debug");
    if (words.length > 1) throw new CommandError("one target at a time can be debugged");
    const [image, copyTo] = [args.text("image"), args.text("copy-to")];
    if (image === "" && args.list("set-image").length === 0 && copyTo === "")
      throw new CommandError("you must specify --image when not using --copy-to.");
    if (copyTo === "")
      for (const name of ["replace", "same-node", "set-image"])
        if (args.has(name)) throw new CommandError(`--${name} may only be used with --copy-to.`);
    if (copyTo !== "" && args.text("target") !== "")
      throw new CommandError("--target is incompatible with --copy-to. Use --share-processes instead.");
    if (args.flag("tty") && !args.flag("stdin"))
      throw new CommandError("-i/--stdin is required for containers with -t/--tty=true");
    const [file] = hasFiles(args) ? await fromFiles(session, args) : [];
    const [target] =
      file === undefined
        ? await parseTargets(await session.mapper(), words, "pods")
        : [{ descriptor: file.descriptor, names: [file.name] }];
    const name = target?.names[0] ?? "";
    const pods = await (await session.mapper()).find("pods");
    if (target?.descriptor.resource === "nodes")
      return onNode(session, args, pods, await getObject(session, target.descriptor, undefined, name));
    if (target?.descriptor.resource !== "pods")
      throw new CommandError(
        `"${target?.descriptor.group}/${target?.descriptor.version}, Kind=${target?.descriptor.kind}" not supported by debug`,
      );
    const pod = await getObject(session, pods, session.namespace, name);
    return copyTo === "" ? beside(session, args, pods, pod) : inCopy(session, args, pods, pod, copyTo);
  },
};

const say = (session: Session, args: Args, text: string): void => {
  if (!args.flag("quiet")) session.out.write(`${text}\n`);
};

/** The container as the flags, the profile and --custom describe it. */
async function container(args: Args, name: string, on: "pod" | "node"): Promise<Record<string, unknown>> {
  const command = args.dashAt === undefined ? [] : args.words.slice(args.dashAt);
  const { securityContext } = profileOf(args.text("profile"), on);
  return customized(args, {
    name,
    image: args.text("image"),
    ...(args.text("image-pull-policy") === "" ? {} : { imagePullPolicy: args.text("image-pull-policy") }),
    ...(command.length === 0 ? {} : args.flag("arguments-only") ? { args: command } : { command }),
    ...(args.list("env").length === 0 ? {} : { env: args.list("env").map(variable) }),
    stdin: args.flag("stdin"),
    tty: args.flag("tty"),
    terminationMessagePolicy: "File",
    ...(securityContext === undefined ? {} : { securityContext }),
  });
}

async function customized(args: Args, made: Record<string, unknown>): Promise<Record<string, unknown>> {
  const file = args.text("custom");
  if (file === "") return made;
  const [{ readFileSync }, { decodeYaml }, { schemas }, { applyStrategicMerge, isJsonObject }] = await Promise.all([
    import("node:fs"),
    import("../resource/yaml.ts"),
    import("@coxswain/api"),
    import("@coxswain/apimachinery"),
  ]);
  const custom = decodeYaml(readFileSync(file, "utf8"));
  if (!isJsonObject(custom)) throw new CommandError(`unable to decode ${file}: a part of a container is expected`);
  if (["name", "command", "image", "lifecycle", "volumeDevices"].some((field) => custom[field] !== undefined))
    throw new CommandError("name, command, image, lifecycle and volume devices are not modifiable via custom profile");
  const schema = schemas.find("core/v1.Container");
  return schema === undefined ? { ...made, ...custom } : applyStrategicMerge(schema, made, custom);
}

async function beside(session: Session, args: Args, pods: Descriptor, pod: Obj): Promise<void> {
  const name = args.text("container") || `debugger-${session.random.suffix(5)}`;
  if (args.text("container") === "") say(session, args, `Defaulting debug container name to ${name}.`);
  const target = args.text("target");
  if (target !== "")
    say(
      session,
      args,
      `Targeting container ${JSON.stringify(target)}. If you don't see processes from this container it may be because the container runtime doesn't support this feature.`,
    );
  const added = { ...(await container(args, name, "pod")), ...(target === "" ? {} : { targetContainerName: target }) };
  await patchObject(
    session,
    pods,
    { namespace: session.namespace, name: pod.metadata.name },
    "strategic",
    { spec: { ephemeralContainers: [added] } },
    { subresource: "ephemeralcontainers" },
  );
  await follow(session, args, pods, pod.metadata.name, name);
}

async function onNode(session: Session, args: Args, pods: Descriptor, node: Obj): Promise<void> {
  const name = `node-debugger-${node.metadata.name}-${session.random.suffix(5)}`;
  const own = args.text("container") || "debugger";
  say(session, args, `Creating debugging pod ${name} with container ${own} on node ${node.metadata.name}.`);
  const { hostNamespaces, hostFiles } = profileOf(args.text("profile"), "node");
  const made = await container(args, own, "node");
  await createObject(session, pods, session.namespace, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { "app.kubernetes.io/managed-by": "kubectl-debug" } },
    spec: {
      ...(hostNamespaces ? { hostNetwork: true, hostPID: true, hostIPC: true } : {}),
      nodeName: node.metadata.name,
      restartPolicy: "Never",
      tolerations: [{ operator: "Exists" }],
      containers: [
        {
          ...made,
          ...(hostFiles
            ? { volumeMounts: [...list(made["volumeMounts"]), { name: "host-root", mountPath: "/host" }] }
            : {}),
        },
      ],
      ...(hostFiles ? { volumes: [{ name: "host-root", hostPath: { path: "/" } }] } : {}),
    },
  } as object as Obj);
  await follow(session, args, pods, name, own);
}

async function inCopy(session: Session, args: Args, pods: Descriptor, pod: Obj, copyTo: string): Promise<void> {
  const spec: Record<string, unknown> = { ...part(pod["spec"]) };
  delete spec["ephemeralContainers"];
  if (!args.flag("same-node")) delete spec["nodeName"];
  const { quietCopy } = profileOf(args.text("profile"), "pod");
  const keeps = (name: keyof typeof kept): boolean => !quietCopy || args.flag(name);
  if (args.has("share-processes")) spec["shareProcessNamespace"] = args.flag("share-processes");
  else if (quietCopy) spec["shareProcessNamespace"] ??= true;
  if (!keeps("keep-init-containers")) delete spec["initContainers"];
  const images = new Map(
    args.list("set-image").map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
  // A copy is looked at, not put to work: nobody's probes restart it, no service selects it.
  const containers = list(spec["containers"]).map((each) => {
    const rest = { ...each };
    if (!keeps("keep-liveness")) delete rest["livenessProbe"];
    if (!keeps("keep-readiness")) delete rest["readinessProbe"];
    if (!keeps("keep-startup")) delete rest["startupProbe"];
    const image = images.get(str(each["name"])) ?? images.get("*");
    return image === undefined ? rest : { ...rest, image };
  });
  const named = args.text("container");
  const at = containers.findIndex((each) => each["name"] === named);
  const own = named || `debugger-${session.random.suffix(5)}`;
  const adds = args.text("image") !== "" || at >= 0;
  if (adds && named === "") say(session, args, `Defaulting debug container name to ${own}.`);
  if (at >= 0) {
    const changed = await container(args, own, "pod");
    if (args.text("image") === "") delete changed["image"];
    containers[at] = { ...containers[at], ...changed };
  } else if (adds) containers.push(await container(args, own, "pod"));
  spec["containers"] = containers;
  await createObject(session, pods, session.namespace, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: copyTo,
      namespace: session.namespace,
      ...(quietCopy && args.flag("keep-labels") ? { labels: pod.metadata.labels } : {}),
      ...(keeps("keep-annotations") ? { annotations: pod.metadata.annotations } : {}),
    },
    spec,
  } as object as Obj);
  if (args.flag("replace"))
    await deleteOne(
      session,
      { descriptor: pods, namespace: session.namespace, name: pod.metadata.name },
      { dryRun: "none", gracePeriod: -1, cascade: "background" },
    );
  await follow(session, args, pods, copyTo, adds ? own : str(containers[0]?.["name"]));
}

const endSaidWithinMs = 10_000;

/** Waits for the container where our streams shall be its own; what has ended already is read from its log. */
async function follow(session: Session, args: Args, pods: Descriptor, pod: string, name: string): Promise<void> {
  const attach = args.has("attach") ? args.flag("attach") : args.flag("stdin");
  if (!attach) return;
  const stateOf = (now: Obj | undefined): Readonly<Record<string, unknown>> => {
    const status = part(now?.["status"]);
    const all = [...list(status["ephemeralContainerStatuses"]), ...list(status["containerStatuses"])];
    return part(all.find((each) => each["name"] === name)?.["state"]);
  };
  const started = await waitForObject(
    session,
    { descriptor: pods, namespace: session.namespace, name: pod },
    args.duration("pod-running-timeout"),
    (now) => {
      const state = stateOf(now);
      return state["running"] !== undefined || state["terminated"] !== undefined;
    },
  );
  if (stateOf(started)["running"] !== undefined) {
    if (!args.flag("quiet") && args.flag("tty"))
      session.err.write("If you don't see a command prompt, try pressing enter.\n");
    try {
      return await stream(session, args, started as PodLike, "attach", [], name);
    } catch (error) {
      // It may have ended between our look and the attaching; its node says so in a moment.
      await waitForObject(
        session,
        { descriptor: pods, namespace: session.namespace, name: pod },
        endSaidWithinMs,
        (now) => stateOf(now)["terminated"] !== undefined,
      ).catch(() => {
        throw error;
      });
    }
  }
  const answer = await session.client.request({
    method: "GET",
    path: `/api/v1/namespaces/${session.namespace}/pods/${pod}/log`,
    query: { container: name },
    accept: "*/*",
    signal: session.signal,
  });
  if (answer.status !== 200)
    await call(session, {
      method: "GET",
      path: `/api/v1/namespaces/${session.namespace}/pods/${pod}/log`,
      query: { container: name },
    });
  session.out.write(answer.text());
}
