// The end of a pod, in Kubernetes' order: all regular containers at once (preStop, SIGTERM, grace, SIGKILL), then the
// sidecars in reverse, then the sandbox, then the object. Before all of it the proxies let go of the pod's endpoint. A second, shorter deletion shortens what is under way.
import { containersOf, isSidecar } from "./lifecycle.ts";
import type { PodAction, PodPlan } from "./action.ts";
import type { ContainerView, PodView } from "./view.ts";

/** The API tells times in whole seconds. */
const toldSlackMs = 2_000;

export function planTermination(view: PodView, nowMs: number, graceSeconds?: number): PodPlan {
  const deadline = graceSeconds === undefined ? killAtMs(view, nowMs) : nowMs + graceSeconds * 1000;
  const running = view.containers.filter((container) => container.state === "running");
  if (view.isAddressed && running.length > 0)
    return { actions: [], because: "the pod is being deleted; the proxies still send it connections" };
  const order = stopOrder(view);
  const first = Math.min(...running.map((container) => order(container)));
  const due = running.filter((container) => order(container) === first);
  const actions = due
    .filter((container) => needsStop(view, container, deadline))
    .map((container) => stopAction(container, Math.max(0, (deadline - nowMs) / 1000)));
  if (running.length > 0) return { actions, because: "the pod is being deleted; its containers stop in order" };
  if (view.busy.size > 0) return { actions: [], because: "operations are under way" };
  const sandbox = view.sandboxes.find((candidate) => candidate.running);
  if (sandbox) return { actions: [{ type: "stopSandbox", id: sandbox.id }], because: "all containers have ended" };
  return { actions: [{ type: "finish" }], because: "nothing of the pod runs any more" };
}

/** For an end that nobody asked for through the API (nowMs = 0) the whole grace counts from now. */
function killAtMs(view: PodView, nowMs: number): number {
  const { metadata, spec } = view.pod;
  const deletion = metadata?.deletionTimestamp;
  // The API's deletionTimestamp already lies at the end of the grace period. When the two clocks do not agree, that cannot be, and the
  // whole grace counts from when the deletion was seen.
  if (deletion && !view.orphaned) {
    const graceMs = (metadata.deletionGracePeriodSeconds ?? 30) * 1000;
    const [told, seen] = [Date.parse(deletion), view.deletionSeenAtMs ?? nowMs];
    return told > seen && told <= seen + graceMs + toldSlackMs ? told : seen + graceMs;
  }
  return nowMs + (spec?.terminationGracePeriodSeconds ?? 30) * 1000;
}

function needsStop(view: PodView, container: ContainerView, deadlineMs: number): boolean {
  const promised = view.stopping.get(container.id);
  if (promised === undefined) return true;
  // A second of slack: the API's time has whole seconds.
  return deadlineMs < promised - 1000 && view.pod.metadata?.deletionTimestamp !== undefined;
}

function stopAction(container: ContainerView, graceSeconds: number): PodAction {
  return {
    type: "stopContainer",
    name: container.name,
    id: container.id,
    graceSeconds,
    because: `Stopping container ${container.name}`,
    runPreStop: true,
  };
}

/** Rank of a container in the order of stopping: 0 for regular ones, then the sidecars from the last to the first. */
function stopOrder(view: PodView): (container: ContainerView) => number {
  const { init } = containersOf(view.pod);
  const ranks = new Map(
    init
      .filter(isSidecar)
      .toReversed()
      .map((sidecar, index) => [sidecar.name, index + 1]),
  );
  return (container) => ranks.get(container.name) ?? 0;
}
