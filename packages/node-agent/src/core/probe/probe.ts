// One probe's verdict from its outcomes: so many successes in a row make a success, so many failures a failure. Pure;
// when to look and how is the shell's.
import type { Probe } from "@coxswain/api/core/v1";
import type { ProbeVerdict } from "../pod/view.ts";

export type ProbeKind = "startup" | "liveness" | "readiness";

export interface ProbeState {
  readonly verdict: ProbeVerdict;
  readonly successes: number;
  readonly failures: number;
}

export interface ProbeOutcome {
  readonly ok: boolean;
  readonly message: string;
  /** It could not be found out: that says nothing of the container. */
  readonly isUnknown?: boolean;
  /** Good enough, but somebody should know what it was. */
  readonly isWarning?: boolean;
}

/** Liveness is presumed until disproved; readiness and startup are to be proved. */
export function initialProbeState(kind: ProbeKind): ProbeState {
  return {
    verdict: { result: kind === "liveness" ? "success" : kind === "readiness" ? "failure" : "unknown", message: "" },
    successes: 0,
    failures: 0,
  };
}

export function stepProbe(state: ProbeState, probe: Probe, outcome: ProbeOutcome): ProbeState {
  const successes = outcome.ok ? state.successes + 1 : 0;
  const failures = outcome.ok ? 0 : state.failures + 1;
  const { message } = outcome;
  if (outcome.ok && successes >= (probe.successThreshold ?? 1))
    return { verdict: { result: "success", message }, successes, failures };
  if (!outcome.ok && failures >= (probe.failureThreshold ?? 3))
    return { verdict: { result: "failure", message }, successes, failures };
  return { ...state, successes, failures };
}

export function periodMs(probe: Probe): number {
  return (probe.periodSeconds ?? 10) * 1000;
}

export function timeoutMs(probe: Probe): number {
  return (probe.timeoutSeconds ?? 1) * 1000;
}

export function initialDelayMs(probe: Probe): number {
  return (probe.initialDelaySeconds ?? 0) * 1000;
}
