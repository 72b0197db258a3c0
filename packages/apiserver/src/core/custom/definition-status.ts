// What a definition's status should say: which of its names it may have, and whether it is served. After apiextensions-apiserver's naming and
// establishing controllers. It compares; it writes nothing.
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionStatus,
} from "@coxswain/api/apiextensions/v1";

type Condition = Omit<CustomResourceDefinitionCondition, "lastTransitionTime">;

/** `others` are all definitions; `now` is when conditions that change changed. */
export function definitionStatus(
  definition: CustomResourceDefinition,
  others: readonly CustomResourceDefinition[],
  now: string,
): CustomResourceDefinitionStatus {
  const { spec, status, metadata } = definition;
  const rivals = others.filter((other) => other.spec.group === spec.group && other.metadata.name !== metadata.name);
  const { accepted, conflict } = acceptedNames(spec.names, status?.acceptedNames, rivals);
  const storage = spec.versions.find((version) => version.storage)?.name;
  const stored = status?.storedVersions ?? [];
  const wasEstablished = conditionOf(status, "Established")?.status === "True";
  const named: Condition = conflict ?? {
    type: "NamesAccepted",
    status: "True",
    reason: "NoConflicts",
    message: "no conflicts found",
  };
  const established: Condition | undefined = wasEstablished
    ? undefined
    : named.status === "True"
      ? {
          type: "Established",
          status: "True",
          reason: "InitialNamesAccepted",
          message: "the initial names have been accepted",
        }
      : { type: "Established", status: "False", reason: "NotAccepted", message: "not all names are accepted" };
  return {
    ...status,
    acceptedNames: accepted,
    storedVersions: storage === undefined || stored.includes(storage) ? stored : [...stored, storage],
    conditions: withConditions(status?.conditions ?? [], established ? [named, established] : [named], now),
  };
}

export function withConditions(
  before: readonly CustomResourceDefinitionCondition[],
  changes: readonly Condition[],
  now: string,
): CustomResourceDefinitionCondition[] {
  const result = [...before];
  for (const change of changes) {
    const at = result.findIndex(({ type }) => type === change.type);
    const known = result[at];
    const lastTransitionTime = known?.status === change.status ? known.lastTransitionTime : now;
    const next = {
      lastTransitionTime,
      message: change.message,
      reason: change.reason,
      status: change.status,
      type: change.type,
    };
    if (at < 0) result.push(next);
    else result[at] = next;
  }
  return result;
}

function conditionOf(
  status: CustomResourceDefinitionStatus | undefined,
  type: string,
): CustomResourceDefinitionCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** Each name by itself: one that another definition of the group has is not given, and then the one from before stays. */
function acceptedNames(
  wanted: CustomResourceDefinitionNames,
  before: CustomResourceDefinitionNames | undefined,
  rivals: readonly CustomResourceDefinition[],
): { readonly accepted: CustomResourceDefinitionNames; readonly conflict: Condition | undefined } {
  const taken = rivals.flatMap(({ status }) => status?.acceptedNames ?? []);
  const resources = new Set(
    taken.flatMap(({ plural, singular = "", shortNames = [] }) => [plural, singular, ...shortNames]),
  );
  const kinds = new Set(taken.flatMap(({ kind, listKind = "" }) => [kind, listKind]));
  for (const set of [resources, kinds]) set.delete("");
  const accepted: CustomResourceDefinitionNames = { plural: "", kind: "", ...before };
  const conflicts: [reason: string, name: string][] = [];
  const { plural, singular = "", shortNames = [], kind, listKind = "", categories } = wanted;
  const decide = (reason: string, name: string, set: ReadonlySet<string>, give: () => void): void => {
    if (name !== "" && set.has(name)) conflicts.push([reason, name]);
    else give();
  };
  decide("PluralConflict", plural, resources, () => void (accepted.plural = plural));
  decide("SingularConflict", singular, resources, () => void (accepted.singular = singular));
  const shortConflict = shortNames.find((name) => resources.has(name));
  if (shortConflict !== undefined) conflicts.push(["ShortNamesConflict", shortConflict]);
  else if (shortNames.length > 0) accepted.shortNames = shortNames;
  else delete accepted.shortNames;
  decide("KindConflict", kind, kinds, () => void (accepted.kind = kind));
  decide("ListKindConflict", listKind, kinds, () => void (accepted.listKind = listKind));
  if (categories === undefined) delete accepted.categories;
  else accepted.categories = categories;
  const [first] = conflicts;
  if (!first) return { accepted, conflict: undefined };
  const [reason, name] = first;
  return {
    accepted,
    conflict: { type: "NamesAccepted", status: "False", reason, message: `${JSON.stringify(name)} is already in use` },
  };
}
