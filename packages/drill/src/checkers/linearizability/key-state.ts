// What is known of one key, where some of it may only be known within bounds: a change whose response was lost has a revision
// that nobody was told. Later reads may tell it.
import type { KeyValue } from "../../history.ts";

/** A revision: known, or somewhere from `low` to `high`, both included. */
export type Revision = number | { readonly low: number; readonly high: number };

export interface KeyState {
  readonly value: string;
  readonly create: Revision;
  readonly mod: Revision;
  readonly version: number;
  readonly lease: string | undefined;
}

/** The state made more certain by what was seen; undefined if it contradicts it. */
export function matched(state: KeyState, seen: KeyValue): KeyState | undefined {
  if (state.value !== seen.value || state.version !== seen.version || state.lease !== seen.lease) return undefined;
  if (!admits(state.create, seen.createRevision) || !admits(state.mod, seen.modRevision)) return undefined;
  if ((seen.version === 1) !== (seen.createRevision === seen.modRevision)) return undefined;
  if (typeof state.create === "number" && typeof state.mod === "number") return state;
  return { ...state, create: seen.createRevision, mod: seen.modRevision };
}

/** The same with an end to what is open: something that happened later is known to have happened at `revision`. */
export function bounded(state: KeyState, high: number): KeyState {
  const create = closed(state.create, high);
  const mod = closed(state.mod, high);
  return create === state.create && mod === state.mod ? state : { ...state, create, mod };
}

export function isOpen(revision: Revision): boolean {
  return typeof revision !== "number" && revision.high === Infinity;
}

function admits(revision: Revision, seen: number): boolean {
  return typeof revision === "number" ? revision === seen : revision.low <= seen && seen <= revision.high;
}

function closed(revision: Revision, high: number): Revision {
  return typeof revision !== "number" && revision.high === Infinity ? { low: revision.low, high } : revision;
}

/** For drawings: `"v" (mod 7, version 2)`. */
export function describeKey(state: KeyState | undefined): string {
  if (state === undefined) return "nothing";
  const lease = state.lease === undefined ? "" : `, lease ${state.lease}`;
  return `"${state.value}" (mod ${describeRevision(state.mod)}, version ${state.version}${lease})`;
}

function describeRevision(revision: Revision): string {
  if (typeof revision === "number") return String(revision);
  return revision.high === Infinity ? `≥ ${revision.low}` : `${revision.low}…${revision.high}`;
}
