// A control plane with the controller manager as a real process, nodes that are only objects, and a gate between the two that keeps a
// record: who asked for what, and what was refused. The gate also answers for metrics APIs that nobody serves here.
import { startControlPlane } from "../protocol/control-plane.ts";
import type { ControlPlane } from "../protocol/control-plane.ts";
import { createInstance } from "./controllers-instance.ts";
import type { Call, Instance } from "./controllers-instance.ts";

export interface ControllersPlane extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly calls: readonly Call[];
  /** What a GET on a path is answered with at the gate, instead of by the apiserver. */
  readonly answers: Map<string, unknown>;
  /** Pods whose node is one of these are made Running and Ready, and vanish when deleted. */
  readonly nodes: Set<string>;
  /** What a pod becomes instead of Running and Ready. */
  outcome: (pod: HollowPod) => unknown;
  restart(): Promise<void>;
  readonly first: Instance;
  /** Undefined until it was asked for. */
  readonly second: Instance | undefined;
  /** Another one, which does not run yet, behind a gate of its own. */
  withSecond(): Promise<Instance>;
}

export interface HollowPod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string }[];
  };
}

export async function startControllersPlane(flags: readonly string[] = []): Promise<ControllersPlane> {
  const plane = await startControlPlane();
  const calls: Call[] = [];
  const answers = new Map<string, unknown>();
  const first = await createInstance(plane, "controller-manager", calls, answers, flags);
  let second: Instance | undefined;
  const ending = new AbortController();
  const controllers: ControllersPlane = {
    plane,
    calls,
    answers,
    nodes: new Set(),
    outcome: ready,
    first,
    get second() {
      return second;
    },
    async withSecond() {
      second ??= await createInstance(plane, "controller-manager-2", [], answers, flags);
      return second;
    },
    async restart() {
      await first.end("SIGKILL");
      await first.lead();
    },
    async [Symbol.asyncDispose]() {
      ending.abort();
      await agents;
      await Promise.all([first.close(), second?.close()]);
      await plane[Symbol.asyncDispose]();
    },
  };
  const agents = Promise.all([pretendNodes(controllers, ending.signal), beat(controllers, ending.signal)]);
  try {
    await first.lead();
  } catch (error) {
    await controllers[Symbol.asyncDispose]();
    throw error;
  }
  return controllers;
}

/** What is true of a pod that runs well. */
export function ready(): unknown {
  const since = now().replace(/\.\d+Z$/, "Z");
  const conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map((type) => ({
    type,
    status: "True",
    lastTransitionTime: since,
  }));
  return { phase: "Running", startTime: since, podIP: "10.244.0.9", podIPs: [{ ip: "10.244.0.9" }], conditions };
}

const now = (): string => new Date(performance.timeOrigin + performance.now()).toISOString();

/** Says that nodes live, as their agents would; one that was given up in between is well again. */
async function beat(controllers: ControllersPlane, signal: AbortSignal): Promise<void> {
  const { plane, nodes } = controllers;
  while (!signal.aborted) {
    await Promise.all([...nodes].map((name) => renewLease(plane, name).catch(() => undefined)));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

async function renewLease(plane: ControlPlane, name: string): Promise<void> {
  const path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
  const spec = { holderIdentity: name, renewTime: now().replace("Z", "000Z") };
  const headers = { "content-type": "application/merge-patch+json" };
  const { status } = await plane.call("PATCH", `${path}/${name}`, { headers, body: { spec } });
  const conditions = [{ type: "Ready", status: "True", reason: "Hollow", message: "" }];
  const node = await plane.call("GET", `/api/v1/nodes/${name}`);
  if (node.text.includes('"Unknown"'))
    await plane.call("PATCH", `/api/v1/nodes/${name}/status`, { headers, body: { status: { conditions } } });
  if (status !== 404) return;
  const lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name }, spec };
  await plane.call("POST", path, { body: lease });
}

/** One that has not begun, or that was marked while its node was silent. */
function isBehind({ status: { phase = "Pending", conditions = [] } = {} }: HollowPod): boolean {
  return (
    phase === "Pending" ||
    (phase === "Running" && conditions.some(({ type, status }) => type === "Ready" && status === "False"))
  );
}

/** Plays scheduler and node agents: binds, runs and removes pods, round by round. */
async function pretendNodes(controllers: ControllersPlane, signal: AbortSignal): Promise<void> {
  const { plane, nodes } = controllers;
  let turn = 0;
  while (!signal.aborted) {
    const list = await plane.call("GET", "/api/v1/pods").catch(() => undefined);
    for (const pod of (list?.status === 200 ? list.body.items : []) as unknown as readonly HollowPod[]) {
      const { name, namespace, deletionTimestamp } = pod.metadata;
      const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
      const [first] = [...nodes].slice(turn++ % Math.max(1, nodes.size));
      if (deletionTimestamp !== undefined) {
        if (pod.spec.nodeName === undefined || nodes.has(pod.spec.nodeName))
          await plane.call("DELETE", path, {
            body: { kind: "DeleteOptions", apiVersion: "v1", gracePeriodSeconds: 0 },
          });
      } else if (pod.spec.nodeName === undefined) {
        if (first === undefined) continue;
        const target = { apiVersion: "v1", kind: "Node", name: first };
        await plane.call("POST", `${path}/binding`, {
          body: { apiVersion: "v1", kind: "Binding", metadata: { name }, target },
        });
      } else if (nodes.has(pod.spec.nodeName) && isBehind(pod)) {
        const headers = { "content-type": "application/merge-patch+json" };
        await plane.call("PATCH", `${path}/status`, { headers, body: { status: controllers.outcome(pod) } });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}
