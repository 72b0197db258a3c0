// All that a store promises its clients, judged from one recording: the checkers together, each with what the others found out.
import type { History, KeyRange } from "../history.ts";
import { checkLinearizability } from "./linearizability.ts";
import type { LinearizabilityOptions } from "./linearizability.ts";
import { resolveUnknown } from "./resolve.ts";
import { reconstructLog } from "./revision-log.ts";
import { checkRevisions } from "./revisions.ts";
import type { Verdict } from "./verdict.ts";
import { checkWatches } from "./watch.ts";

export interface StoreCheckOptions extends Omit<LinearizabilityOptions, "resolution"> {
  /** The keys that the recording is about. At least one watch must have followed all of them from the beginning on. */
  readonly whole?: KeyRange;
  /** Where the recording begins: a revision at which there were none of these keys, and what was compacted before. */
  readonly beginning?: { readonly revision: number; readonly compacted: number };
}

/** Without a watch over everything, revisions and watches are "unknown", and so may be operations without a response. */
export function checkStore(history: History, options: StoreCheckOptions = {}): readonly Verdict[] {
  const log = reconstructLog(
    history.watches,
    options.whole ?? { key: "\0", rangeEnd: "\0" },
    options.beginning?.revision,
  );
  return [
    checkLinearizability(history, { ...options, resolution: resolveUnknown(history, log) }),
    checkRevisions(history, log),
    checkWatches(history, log, options.beginning?.compacted),
  ];
}
