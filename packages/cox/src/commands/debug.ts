// `cox debug`: a container of one's own beside those of a pod, in a copy of the pod, or on a node; with -i our streams are its own.
import { array, bool, duration, text } from "../args/common.ts";
import { UsageError } from "../args/flags.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { list, part, str } from "../describe/page.ts";
import { CommandError } from "../failure.ts";
import { call, createObject, getObject, patchObject } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import { parseTargets } from "../resource/builder.ts";
import type { Descriptor } from "../resource/mapper.ts";
import type { PodLike } from "../resource/pods-of.ts";
import { waitForObject } from "../resource/wait-for.ts";
import type { Session } from "../session.ts";
import { variable } from "./run.ts";
import { profileOf, profiles } from "./debug-profiles.ts";
import { deleteOne } from "./delete.ts";
import { stream } from "./exec.ts";

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
    env: array("Environment variables to set in the container."),
    image: text("Container image to use for debug container."),
    "image-pull-policy": text("The image pull policy for the container."),
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
    if (words.length === 0) throw new UsageError("NAME or TYPE/NAME is required for debug");
    if (words.length > 1) throw new CommandError("one target at a time can be debugged");
    const [image, copyTo] = [args.text("image"), args.text("copy-to")];
    if (image === "" && args.list("set-image").length === 0 && copyTo === "")
      throw new CommandError("you must specify --image when not using --copy-to");
    if (copyTo === "")
      for (const name of ["replace", "same-node", "set-image"])
        if (args.has(name)) throw new CommandError(`--${name} may only be used with --copy-to.`);
    if (copyTo !== "" && args.text("target") !== "")
      throw new CommandError("--target is incompatible with --copy-to. Use --share-processes instead.");
    if (args.flag("tty") && !args.flag("stdin"))
      throw new CommandError("-i/--stdin is required for containers with -t/--tty=true");
    const [target] = await parseTargets(await session.mapper(), words, "pods");
    const name = target?.names[0] ?? "";
    const pods = await (await session.mapper()).find("pods");
    if (target?.descriptor.resource === "nodes")
      return onNode(session, args, pods, await getObject(session, target.descriptor, undefined, name));
    if (target?.descriptor.resource !== "pods")
      throw new CommandError(`${target?.descriptor.resource} not supported by debug`);
    const pod = await getObject(session, pods, session.namespace, name);
    return copyTo === "" ? beside(session, args, pods, pod) : inCopy(session, args, pods, pod, copyTo);
  },
};

const say = (session: Session, args: Args, text: string): void => {
  if (!args.flag("quiet")) session.out.write(`${text}\n`);
};

/** The container as the flags describe it. */
function container(args: Args, name: string, on: "pod" | "node"): Record<string, unknown> {
  const command = args.dashAt === undefined ? [] : args.words.slice(args.dashAt);
  const securityContext = profileOf(args.text("profile"), on);
  return {
    name,
    image: args.text("image"),
    ...(args.text("image-pull-policy") === "" ? {} : { imagePullPolicy: args.text("image-pull-policy") }),
    ...(command.length === 0 ? {} : args.flag("arguments-only") ? { args: command } : { command }),
    ...(args.list("env").length === 0 ? {} : { env: args.list("env").map(variable) }),
    stdin: args.flag("stdin"),
    tty: args.flag("tty"),
    terminationMessagePolicy: "File",
    ...(securityContext === undefined ? {} : { securityContext }),
  };
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
  const added = { ...container(args, name, "pod"), ...(target === "" ? {} : { targetContainerName: target }) };
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
  const isolated = args.text("profile") === "restricted" || args.text("profile") === "baseline";
  await createObject(session, pods, session.namespace, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { "app.kubernetes.io/managed-by": "kubectl-debug" } },
    spec: {
      ...(isolated ? {} : { hostNetwork: true, hostPID: true, hostIPC: true }),
      nodeName: node.metadata.name,
      restartPolicy: "Never",
      tolerations: [{ operator: "Exists" }],
      containers: [
        {
          ...container(args, own, "node"),
          ...(isolated ? {} : { volumeMounts: [{ name: "host-root", mountPath: "/host" }] }),
        },
      ],
      ...(isolated ? {} : { volumes: [{ name: "host-root", hostPath: { path: "/" } }] }),
    },
  } as object as Obj);
  await follow(session, args, pods, name, own);
}

async function inCopy(session: Session, args: Args, pods: Descriptor, pod: Obj, copyTo: string): Promise<void> {
  const spec: Record<string, unknown> = { ...part(pod["spec"]) };
  delete spec["ephemeralContainers"];
  if (!args.flag("same-node")) delete spec["nodeName"];
  if (args.flag("share-processes")) spec["shareProcessNamespace"] = true;
  const images = new Map(
    args.list("set-image").map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
  // A copy is looked at, not put to work: nobody's probes restart it, no service selects it.
  const containers = list(spec["containers"]).map((each) => {
    const { livenessProbe: _liveness, readinessProbe: _readiness, startupProbe: _startup, ...rest } = each;
    const image = images.get(str(each["name"])) ?? images.get("*");
    return image === undefined ? rest : { ...rest, image };
  });
  const named = args.text("container");
  const at = containers.findIndex((each) => each["name"] === named);
  const own = named || `debugger-${session.random.suffix(5)}`;
  const adds = args.text("image") !== "" || at >= 0;
  if (adds && named === "") say(session, args, `Defaulting debug container name to ${own}.`);
  if (at >= 0) {
    const changed = container(args, own, "pod");
    if (args.text("image") === "") delete changed["image"];
    containers[at] = { ...containers[at], ...changed };
  } else if (adds) containers.push(container(args, own, "pod"));
  spec["containers"] = containers;
  await createObject(session, pods, session.namespace, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: copyTo, namespace: session.namespace },
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
