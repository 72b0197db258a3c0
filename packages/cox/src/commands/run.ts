// `cox run`: one pod with one image; with -i or --attach our streams are its own.
import {
  array,
  bool,
  dryRunFlag,
  duration,
  fieldManagerFlag,
  filenameFlags,
  number,
  outputFlags,
  text,
  validateFlag,
} from "../args/common.ts";
import { UsageError } from "../args/flags.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { createNow, metadataOf, overridden, overrideFlags, pairs } from "../create/creation.ts";
import { CommandError, ExitError, throwAll } from "../failure.ts";
import type { Obj } from "../resource/api.ts";
import type { PodLike } from "../resource/pods-of.ts";
import { waitForObject } from "../resource/wait-for.ts";
import { dryRunOf } from "../resource/report.ts";
import { cascadeOf, deleteOne } from "./delete.ts";
import { stream } from "./exec.ts";

export const run: Command = {
  usage:
    'run NAME --image=image [--env="key=value"] [--port=port] [--dry-run=server|client] [--overrides=inline-json] [--command] -- [COMMAND] [args...] [options]',
  summary: "Run a particular image on the cluster",
  examples: `
# A pod
cox run nginx --image=nginx

# A shell that is gone when it ends
cox run -i -t busybox --image=busybox --restart=Never --rm -- sh`,
  flags: {
    ...outputFlags,
    ...dryRunFlag,
    ...fieldManagerFlag("kubectl-run"),
    ...validateFlag,
    "save-config": bool("If true, the configuration of current object will be saved in its annotation."),
    annotations: array("Annotations to apply to the pod."),
    attach: bool(
      "If true, wait for the Pod to start running, and then attach to the Pod as if 'cox attach ...' were called.",
    ),
    command: bool(
      "If true and extra arguments are present, use them as the 'command' field in the container, rather than the 'args' field which is the default.",
    ),
    env: array("Environment variables to set in the container."),
    image: text("The image for the container to run."),
    "image-pull-policy": text("The image pull policy for the container."),
    labels: text("Comma separated labels to apply to the pod.", { short: "l" }),
    ...overrideFlags,
    ...Object.fromEntries(
      Object.entries(filenameFlags).map(([name, flag]) => [
        name,
        { ...flag, fixed: "run makes the pod from its flags; cox create -f makes what a file says" },
      ]),
    ),
    cascade: text('Must be "background", "orphan", or "foreground". What happens to dependants at --rm.', {
      default: "background",
      bare: "background",
    }),
    expose: bool("If true, create a ClusterIP service associated with the pod.  Requires `--port`."),
    force: bool("If true, --rm removes the pod at once and bypasses graceful deletion."),
    "grace-period": number("Seconds that --rm gives the pod to end. Ignored if negative.", { default: "-1" }),
    "leave-stdin-open": bool(
      "If the pod is started in interactive mode or with stdin, leave stdin open after the first attach completes.",
    ),
    timeout: duration("The length of time to wait before giving up on a delete by --rm with --wait"),
    wait: bool("If true, --rm waits for the pod to be gone before returning."),
    "pod-running-timeout": duration("The length of time to wait until at least one pod is running", {
      default: "1m0s",
    }),
    port: number("The port that this container exposes."),
    privileged: bool("If true, run the container in privileged mode."),
    quiet: bool("If true, suppress prompt messages.", { short: "q" }),
    restart: text("The restart policy for this Pod. Legal values [Always, OnFailure, Never].", { default: "Always" }),
    rm: bool("If true, delete the pod after it exits. Only valid when attaching to the container."),
    stdin: bool("Keep stdin open on the container in the pod, even if nothing is attached.", { short: "i" }),
    tty: bool("Allocate a TTY for the container in the pod.", { short: "t" }),
    container: text("", { hidden: true }),
  },
  run: async (session, args) => {
    const [name, ...words] = args.words;
    if (args.text("image") === "" && !args.has("image")) throw new CommandError('required flag(s) "image" not set');
    if (name === undefined || args.dashAt === 0) throw new UsageError("NAME is required for run");
    if (!["Always", "OnFailure", "Never"].includes(args.text("restart")))
      throw new UsageError(`invalid restart policy: ${args.text("restart")}`);
    if (!/^[\w./:@-]+$/.test(args.text("image")))
      throw new CommandError(`Invalid image name ${JSON.stringify(args.text("image"))}: invalid reference format`);
    if (args.flag("tty") && !args.flag("stdin"))
      throw new UsageError("-i/--stdin is required for containers with -t/--tty=true");
    const attach = args.has("attach") ? args.flag("attach") : args.flag("stdin");
    if (args.flag("rm") && !attach) throw new UsageError("--rm should only be used for attached containers");
    if (args.flag("expose") && args.number("port") <= 0)
      throw new UsageError("--port must be set when exposing a service");
    if (attach && dryRunOf(session, args) !== "none")
      throw new UsageError(
        "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)",
      );
    const labels = args.text("labels") === "" ? { run: name } : pairs(args.text("labels").split(","), "label");
    const annotations = pairs(args.list("annotations"), "annotation");
    const container = {
      ...(words.length === 0 ? {} : args.flag("command") ? { command: words } : { args: words }),
      ...(args.list("env").length === 0 ? {} : { env: args.list("env").map(variable) }),
      image: args.text("image"),
      ...(args.text("image-pull-policy") === "" ? {} : { imagePullPolicy: args.text("image-pull-policy") }),
      name,
      ...(args.number("port") > 0 ? { ports: [{ containerPort: args.number("port") }] } : {}),
      resources: {},
      ...(args.flag("privileged") ? { securityContext: { privileged: true } } : {}),
      ...(args.flag("stdin") ? { stdin: true, stdinOnce: attach && !args.flag("leave-stdin-open") } : {}),
      ...(args.flag("tty") ? { tty: true } : {}),
    };
    let pod = {
      kind: "Pod",
      apiVersion: "v1",
      metadata: {
        creationTimestamp: null,
        labels,
        name,
        ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      },
      spec: { containers: [container], dnsPolicy: "ClusterFirst", restartPolicy: args.text("restart") },
      status: {},
    } as object as Obj;
    pod = await overridden(args, pod);
    if (args.flag("expose")) await createNow(session, args, serviceOf(args, name, labels));
    if (!attach) return createNow(session, args, pod);
    await createNow(
      {
        ...session,
        client: session.client,
        namespace: session.namespace,
        out: { ...session.out, write: () => undefined },
      },
      args,
      pod,
    );
    const pods = await (await session.mapper()).find("pods");
    const info = { descriptor: pods, namespace: session.namespace, name };
    const phase = (now: Obj | undefined): string =>
      String((now?.["status"] as { phase?: string } | undefined)?.phase ?? "");
    try {
      const started = await waitForObject(session, info, args.duration("pod-running-timeout"), (now) =>
        ["Running", "Succeeded", "Failed"].includes(phase(now)),
      );
      if (!args.flag("quiet")) session.err.write("If you don't see a command prompt, try pressing enter.\n");
      if (phase(started) === "Running") await stream(session, args, started as PodLike, "attach", []);
      if (args.text("restart") !== "Never" && args.text("restart") !== "OnFailure") return;
      const ended = await waitForObject(
        session,
        info,
        0,
        (now) => ["Succeeded", "Failed"].includes(phase(now)) || now === undefined,
      );
      const code =
        (ended?.["status"] as { containerStatuses?: { state?: { terminated?: { exitCode: number } } }[] } | undefined)
          ?.containerStatuses?.[0]?.state?.terminated?.exitCode ?? 0;
      if (code !== 0) throw new ExitError(code, `pod ${session.namespace}/${name} terminated (Error)`);
    } finally {
      if (args.flag("rm")) {
        const grace = args.number("grace-period");
        const options = { gracePeriod: args.flag("force") && grace < 0 ? 0 : grace, cascade: cascadeOf(args) };
        await deleteOne(session, info, { dryRun: "none", ...options });
        if (!args.flag("quiet")) session.out.write(`pod "${name}" deleted\n`);
        if (args.flag("wait")) {
          const { waitUntilGone } = await import("../resource/wait-gone.ts");
          throwAll(await waitUntilGone(session, [{ ...info, object: pod, source: "" }], args.duration("timeout")));
        }
      }
    }
  },
};

/** The service of --expose. */
function serviceOf(args: Args, name: string, selector: Record<string, string>): Obj {
  const port = args.number("port");
  return {
    kind: "Service",
    apiVersion: "v1",
    metadata: metadataOf(name),
    spec: { ports: [{ port, protocol: "TCP", targetPort: port }], selector },
    status: { loadBalancer: {} },
  } as object as Obj;
}

export function variable(text: string): { readonly name: string; readonly value?: string } {
  const equals = text.indexOf("=");
  if (equals <= 0) throw new CommandError(`invalid env: ${text}`);
  const value = text.slice(equals + 1);
  return { name: text.slice(0, equals), ...(value === "" ? {} : { value }) };
}
