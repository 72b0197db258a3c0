// How fast nodes that are down lose their pods, zone by zone: one now and then while most are well, slower or not at all when much of a
// zone is down, nobody when everything is. Pure, but for the turnstile, which remembers when it last let somebody through.
import type { ReadonlyNode } from "./plan.ts";

export interface EvictionRates {
  /** Nodes of a zone per second. */
  readonly perSecond: number;
  /** The same while a large zone is partly down; a small one lets nobody go then. */
  readonly secondaryPerSecond: number;
  /** The part of a zone's nodes from which on it counts as partly down. */
  readonly unhealthyThreshold: number;
  /** A zone of more nodes than this is large. */
  readonly largeZone: number;
}

export type ZoneState = "normal" | "partial" | "full";

export interface Census {
  readonly ready: number;
  readonly down: number;
}

/** Region and zone; nodes without labels are a zone of their own. */
export function zoneOf({ metadata: { labels = {} } }: ReadonlyNode): string {
  const region = labels["topology.kubernetes.io/region"] ?? labels["failure-domain.beta.kubernetes.io/region"] ?? "";
  const zone = labels["topology.kubernetes.io/zone"] ?? labels["failure-domain.beta.kubernetes.io/zone"] ?? "";
  return region === "" && zone === "" ? "" : `${region}/${zone}`;
}

export function zoneState({ ready, down }: Census, { unhealthyThreshold }: EvictionRates): ZoneState {
  if (down > 0 && ready === 0) return "full";
  return down > 2 && down / (down + ready) >= unhealthyThreshold ? "partial" : "normal";
}

/** Nodes per second that a zone may lose. One that is down altogether goes at full speed, since the others are well. */
export function rateOf(state: ZoneState, { ready, down }: Census, rates: EvictionRates): number {
  if (state !== "partial") return rates.perSecond;
  return ready + down > rates.largeZone ? rates.secondaryPerSecond : 0;
}

export interface Turnstile {
  /** 0: go. Otherwise how long to wait at least; for ever at a rate of nothing. */
  pass(perSecond: number, nowMs: number): number;
}

/** Lets one through at a time, then so many per second. */
export function createTurnstile(): Turnstile {
  let [credit, atMs] = [1, 0];
  return {
    pass(perSecond, nowMs) {
      credit = Math.min(1, credit + (perSecond * Math.max(0, nowMs - atMs)) / 1000);
      atMs = nowMs;
      if (perSecond <= 0) return Number.POSITIVE_INFINITY;
      if (credit < 1) return Math.ceil(((1 - credit) * 1000) / perSecond);
      credit = 0;
      return 0;
    },
  };
}
