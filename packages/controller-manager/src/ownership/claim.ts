// Who belongs to whom: what a controller owns, what it may adopt (matching and controlled by nobody) and what it must let go
// (owned, but matching no more). Pure; adopt.ts carries it out.
import type { ApiObject, DeepReadonly, LabelSelector } from "@coxswain/apimachinery";
import { selects } from "./selector.ts";

export interface Claim<T extends ApiObject> {
  readonly owned: readonly DeepReadonly<T>[];
  readonly toAdopt: readonly DeepReadonly<T>[];
  readonly toRelease: readonly DeepReadonly<T>[];
}

export function planClaim<T extends ApiObject>(
  owner: DeepReadonly<ApiObject>,
  selector: DeepReadonly<LabelSelector> | undefined,
  controlled: readonly DeepReadonly<T>[],
  orphans: readonly DeepReadonly<T>[],
): Claim<T> {
  const living = owner.metadata.deletionTimestamp === undefined;
  const matching = (object: DeepReadonly<T>): boolean => selects(selector, object.metadata.labels);
  const owned = controlled.filter(matching);
  return {
    owned,
    toAdopt: living
      ? orphans.filter((object) => object.metadata.deletionTimestamp === undefined && matching(object))
      : [],
    toRelease: living && owned.length < controlled.length ? controlled.filter((object) => !matching(object)) : [],
  };
}
