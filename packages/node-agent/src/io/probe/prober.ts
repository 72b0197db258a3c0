// Probes the running containers of one pod and remembers verdicts by container. Each probe of each container has a loop
// of its own that ends with the container.
import type { Container, Pod, Probe } from "@coxswain/api/core/v1";
import type { Clock, Random } from "@coxswain/clock";
import type { ContainerRuntime } from "@coxswain/container-runtime";
import { initialDelayMs, initialProbeState, periodMs, stepProbe, timeoutMs } from "../../core/probe/probe.ts";
import type { ProbeKind, ProbeState } from "../../core/probe/probe.ts";
import type { ContainerView, ProbeVerdicts } from "../../core/pod/view.ts";
import type { PodEvents, PodPorts } from "../../ports.ts";
import { runHandler } from "../runtime/hooks.ts";

export interface Prober {
  /** Starts probing what newly runs and forgets what does not run any more. */
  follow(pod: Pod, running: readonly ContainerView[], podIP: string): void;
  verdicts(): ReadonlyMap<string, ProbeVerdicts>;
  stop(): void;
}

interface Watched {
  readonly aborter: AbortController;
  readonly states: Map<ProbeKind, ProbeState>;
}

const kinds = ["startup", "liveness", "readiness"] as const;

export function createProber(ports: {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: PodEvents;
  readonly changed: () => void;
  readonly probed?: PodPorts["probed"];
}): Prober {
  const { clock } = ports;
  const watched = new Map<string, Watched>();
  let isEnding = false;

  const loop = async (
    pod: Pod,
    container: Container,
    view: ContainerView,
    kind: ProbeKind,
    probe: Probe,
    podIP: string,
    entry: Watched,
  ): Promise<void> => {
    const { signal } = entry.aborter;
    // A clock that was set back must not make the wait longer.
    const age = Math.max(0, clock.now() - (view.startedAtMs ?? clock.now()));
    await clock.sleep(Math.max(0, initialDelayMs(probe) - age), signal);
    // Whether a pod that ends lives or has started is no question any more; whether it is ready still is.
    while (kind === "readiness" || !isEnding) {
      // Until the startup probe has passed, the others wait for it.
      const startup = entry.states.get("startup");
      if (kind === "startup" || startup === undefined || startup.verdict.result === "success") {
        const outcome = await runHandler(
          ports,
          probe,
          { containerId: view.id, container, podIP },
          timeoutMs(probe),
          signal,
        );
        if (signal.aborted) return;
        if (!outcome.ok || outcome.isWarning) {
          const name = `${kind.charAt(0).toUpperCase()}${kind.slice(1)} probe`;
          const what = outcome.ok ? "warning" : outcome.isUnknown ? "errored and resulted in unknown state" : "failed";
          const reason = outcome.ok ? "ProbeWarning" : "Unhealthy";
          ports.events.record(pod, container.name, "Warning", reason, `${name} ${what}: ${outcome.message}`);
        }
        // An engine that is away answers for nobody: its containers go on meanwhile.
        if (!outcome.isUnknown) {
          ports.probed?.(pod, container.name, kind, outcome.ok);
          const before = entry.states.get(kind) ?? initialProbeState(kind);
          const after = stepProbe(before, probe, outcome);
          entry.states.set(kind, after);
          if (after.verdict.result !== before.verdict.result) ports.changed();
          // A startup probe is asked until it passes; a failed one ends with its container.
          if (kind === "startup" && after.verdict.result !== "unknown") return;
        }
        await clock.sleep(periodMs(probe), signal);
      } else if (startup.verdict.result === "failure") return;
      else await clock.sleep(Math.min(250, periodMs(probe)), signal);
    }
  };

  const begin = (pod: Pod, container: Container, view: ContainerView, podIP: string): void => {
    const entry: Watched = { aborter: new AbortController(), states: new Map() };
    watched.set(view.id, entry);
    const known = pod.status?.containerStatuses?.find((status) => status.containerID === `docker://${view.id}`);
    for (const kind of kinds) {
      const probe = container[`${kind}Probe`];
      if (!probe) continue;
      // A container that was ready or started before the agent's restart stays so until a probe says otherwise.
      const vouched = kind === "readiness" ? known?.ready : kind === "startup" ? known?.started : false;
      const initial = initialProbeState(kind);
      entry.states.set(kind, vouched ? { ...initial, verdict: { result: "success", message: "" } } : initial);
      if (kind === "startup" && vouched) continue;
      loop(pod, container, view, kind, probe, podIP, entry).catch((error: unknown) => {
        if (!entry.aborter.signal.aborted) throw error;
      });
    }
  };

  return {
    follow(pod, running, podIP) {
      isEnding = pod.metadata.deletionTimestamp !== undefined;
      for (const [id, entry] of watched) {
        if (running.some((view) => view.id === id)) continue;
        entry.aborter.abort(new Error("the container does not run any more"));
        watched.delete(id);
      }
      const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
      for (const view of running) {
        const container = containers.find((candidate) => candidate.name === view.name);
        if (container && !watched.has(view.id)) begin(pod, container, view, podIP);
      }
    },
    verdicts() {
      return new Map(
        [...watched].map(([id, { states }]) => [
          id,
          {
            startup: states.get("startup")?.verdict,
            liveness: states.get("liveness")?.verdict,
            readiness: states.get("readiness")?.verdict,
          },
        ]),
      );
    },
    stop() {
      for (const entry of watched.values()) entry.aborter.abort(new Error("the pod is done"));
      watched.clear();
    },
  };
}
