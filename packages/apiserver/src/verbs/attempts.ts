// Changing or removing an object that others change, too: each attempt computes from a state of the object and writes if that is still the
// one that stands in the store; otherwise it begins again with the one that is. The first begins with what is in memory, which is nearly
// always the newest state: that it is, the write itself finds out. Where nothing is to be written, or something speaks against it, the
// store is asked whether that was said of what stands there.
import { StatusError, statuses } from "@coxswain/apimachinery";
import { modified } from "../core/metadata.ts";
import type { Kind } from "../core/registry/kind.ts";
import type { Recheck, StoredValue } from "../core/storage.ts";
import { storedValueOf } from "../core/watch-cache/entry.ts";
import { answerOf } from "./get.ts";
import type { Answer, Parts } from "./parts.ts";
import { isService } from "./parts.ts";

export type Attempt =
  | { readonly kind: "done"; readonly answer: Answer }
  /** Somebody else was first. */
  | { readonly kind: "changed"; readonly current: StoredValue | undefined }
  /** There is nothing to write. */
  | { readonly kind: "same" };

export interface Target {
  readonly kind: Kind;
  readonly key: string;
  readonly name: string;
  /** A trial run is of what stands in the store. */
  readonly isDryRun: boolean;
  /** What is answered with when there is nothing to write; left out: 200. */
  readonly code?: number;
  readonly attempt: (current: StoredValue) => Promise<Attempt>;
  /** What to do when there is no object. "appeared": somebody has made it meanwhile. Left out: 404. */
  readonly absent?: () => Promise<Answer | "appeared">;
}

/** How often it is begun again before the client hears of the conflict: each time somebody else has got on. */
const mostAttempts = 1000;

export async function attemptUntilWritten(parts: Parts, target: Target): Promise<Answer> {
  const { kind, key, name, isDryRun } = target;
  const remembered = isDryRun ? undefined : rememberedValue(parts, kind, key);
  let isRemembered = remembered !== undefined;
  let current = remembered ?? (await parts.storage.get(key)).value;
  for (let count = 1; count <= mostAttempts; count += 1) {
    if (!current) {
      const answer = await target.absent?.();
      if (!answer) throw new StatusError(statuses.notFound(kind, name));
      if (answer !== "appeared") return answer;
      current = (await parts.storage.get(key)).value;
      continue;
    }
    const outcome = await target.attempt(current).catch(refusalIf(isRemembered));
    if (outcome.kind === "done") return outcome.answer;
    // Whoever named a version hears of the conflict when it is compared with the current one.
    if (outcome.kind === "changed") current = outcome.current;
    else {
      const newest = await newestIf(isRemembered, parts, current);
      if (newest.kind === "unchanged") {
        if (outcome.kind === "refused") throw outcome.error;
        return answerOf(kind, target.code ?? 200, current);
      }
      current = newest.kind === "changed" ? newest.current : undefined;
    }
    isRemembered = false;
  }
  throw new StatusError(statuses.conflict(kind, name, modified));
}

/** Not of services: their addresses are given and taken on the way. */
function rememberedValue(parts: Parts, kind: Kind, key: string): StoredValue | undefined {
  const entry = kind.conversion || isService(kind) ? undefined : parts.startedFeed(kind)?.cache.get(key);
  return entry && storedValueOf(entry);
}

/** Makes an outcome of a refusal that may be said of an old state; all other errors stay what they are. */
function refusalIf(
  isRemembered: boolean,
): (error: unknown) => { readonly kind: "refused"; readonly error: StatusError } {
  return (error) => {
    if (isRemembered && error instanceof StatusError) return { kind: "refused", error };
    throw error;
  };
}

async function newestIf(isRemembered: boolean, parts: Parts, { key, revision }: StoredValue): Promise<Recheck> {
  return isRemembered ? parts.storage.recheck(key, revision) : { kind: "unchanged" };
}
