// What a driver writes down before it does something, so that somebody else can take it back: this port and the arithmetic over its
// entries. Where it is kept is the caller's business.
import { undoAll } from "../cluster/action.ts";
import type { Action } from "../cluster/action.ts";

export type JournalEntry =
  | { readonly at: number; readonly kind: "injecting"; readonly actions: readonly Action[] }
  | { readonly at: number; readonly kind: "healed"; readonly by: "driver" | "guardian" | "abort" }
  /** The namespace and the keys that the drill made. */
  | { readonly at: number; readonly kind: "made"; readonly namespace: string; readonly prefix: string }
  | { readonly at: number; readonly kind: "finished" };

export interface Journal {
  /** Resolves when it is on disk. */
  write(entry: JournalEntry): Promise<void>;
  /** Shows that the driver lives. */
  beat(): void;
}

/** What still has to be undone after these entries. */
export function unhealed(entries: readonly JournalEntry[]): readonly Action[] {
  const healed = entries.findLastIndex(({ kind }) => kind === "healed");
  return undoAll(entries.slice(healed + 1).flatMap((entry) => (entry.kind === "injecting" ? entry.actions : [])));
}

/** What the drill made and has not removed. */
export function leftBehind(
  entries: readonly JournalEntry[],
): { readonly namespace: string; readonly prefix: string } | undefined {
  return entries.some(({ kind }) => kind === "finished") ? undefined : entries.find((entry) => entry.kind === "made");
}
