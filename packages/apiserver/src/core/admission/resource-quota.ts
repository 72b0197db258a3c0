// ResourceQuota: what a namespace may hold. Each object is charged to the quotas that are about it by compare-and-set on their status, so
// that any number of apiservers together never give out more than there is; the quota controller counts anew from time to time and
// takes back what was charged for objects that never came to be. Kubernetes' `plugin/resourcequota` and its sentences.
import type { ApiObject } from "@coxswain/apimachinery";
import type { ResourceQuota } from "@coxswain/api/core/v1";
import {
  addAmounts,
  amountsIn,
  describeAmounts,
  exceeding,
  maskAmounts,
  namesFor,
  quotaMatches,
  subtractAmounts,
  uncountable,
  usageOf,
} from "@coxswain/api/quota";
import type { Amounts } from "@coxswain/api/quota";
import type { Clock } from "@coxswain/clock";
import type { AdmissionAttributes, AdmissionPlugin, ObjectWriter } from "../request.ts";
import { refusal } from "./refusal.ts";

const quotas = { group: "", resource: "resourcequotas" };
/** Neither stored for long nor anybody's to count. */
const ignored: ReadonlySet<string> = new Set(["events", "bindings"]);
/** Of the objects that an update can make larger. */
const growing: ReadonlySet<string> = new Set(["services", "persistentvolumeclaims"]);

export function createResourceQuotaAdmission(objects: ObjectWriter, clock: Clock): AdmissionPlugin {
  const view = objects.view(quotas);
  const inTurn = createTurns();
  return {
    name: "ResourceQuota",
    handles(attributes) {
      const { operation, subresource, resource, namespace } = attributes;
      if (namespace === "" || ignored.has(resource.resource) || resource.resource === "namespaces") return false;
      if (operation === "CREATE") return subresource === "";
      if (operation !== "UPDATE" || resource.group !== "") return false;
      return subresource === "" ? growing.has(resource.resource) : isResize(attributes);
    },
    async validate(attributes) {
      const { object, namespace } = attributes;
      if (object === undefined) return;
      const concerned = [...view.list(namespace)].filter((quota) =>
        quotaMatches(quota as ResourceQuota, attributes.resource, object),
      );
      if (concerned.length === 0) return;
      const delta = deltaOf(attributes, object, clock.now());
      // One after the other within this process: a crowd that writes to one object would only get in its own way.
      await inTurn(namespace, () => charge(attributes, object, concerned, delta));
    },
  };

  /** All quotas or none. */
  async function charge(
    attributes: AdmissionAttributes,
    object: ApiObject,
    concerned: readonly ApiObject[],
    delta: Amounts,
  ): Promise<void> {
    const charged: { readonly name: string; readonly amounts: Amounts }[] = [];
    try {
      for (const { metadata } of concerned) {
        let amounts: Amounts = {};
        await objects.update(quotas, attributes.namespace, metadata.name, (stored) => {
          const quota = stored as ResourceQuota;
          amounts = judged(attributes, object, quota, delta);
          return attributes.dryRun ? undefined : withUsed(quota, amounts);
        });
        charged.push({ name: metadata.name, amounts });
      }
    } catch (error) {
      if (!attributes.dryRun)
        for (const { name, amounts } of charged) {
          const back = subtractAmounts({}, amounts);
          await objects.update(quotas, attributes.namespace, name, (stored) => withUsed(stored as ResourceQuota, back));
        }
      throw error;
    }
  }
}

/** What the quota is to be charged. Throws the refusal when that is more than it has left. */
function judged(attributes: AdmissionAttributes, object: ApiObject, quota: ResourceQuota, delta: Amounts): Amounts {
  const hard = amountsIn(quota.status?.hard);
  const used = amountsIn(quota.status?.used);
  const { name } = quota.metadata;
  const limited = namesFor(attributes.resource, Object.keys(hard));
  const problem = attributes.operation === "CREATE" ? uncountable(attributes.resource, object, limited) : undefined;
  if (problem !== undefined) throw refusal(attributes, `failed quota: ${name}: ${problem}`);
  const unknown = limited.filter((resource) => used[resource] === undefined).toSorted();
  if (unknown.length > 0)
    throw refusal(attributes, `status unknown for quota: ${name}, resources: ${unknown.join(",")}`);
  const requested = maskAmounts(delta, limited);
  const after = maskAmounts(addAmounts(used, requested), Object.keys(requested));
  // A quota may be lowered under what is used already; only what grows is refused then.
  const over = exceeding(after, hard).filter((resource) => !(requested[resource] ?? "0").startsWith("-"));
  const grown = over.filter((resource) => requested[resource] !== "0");
  if (grown.length === 0) return requested;
  throw refusal(
    attributes,
    `exceeded quota: ${name}, requested: ${describeAmounts(maskAmounts(requested, grown))}, used: ${describeAmounts(maskAmounts(used, grown))}, limited: ${describeAmounts(maskAmounts(hard, grown))}`,
  );
}

function deltaOf({ resource, operation, oldObject }: AdmissionAttributes, object: ApiObject, nowMs: number): Amounts {
  const usage = usageOf(resource, object, nowMs);
  return operation === "UPDATE" && oldObject !== undefined
    ? subtractAmounts(usage, usageOf(resource, oldObject, nowMs))
    : usage;
}

/** The quota with more used; undefined when nothing changes. */
function withUsed(quota: ResourceQuota, amounts: Amounts): ApiObject | undefined {
  if (Object.values(amounts).every((amount) => amount === "0")) return undefined;
  const used = addAmounts(amountsIn(quota.status?.used), amounts);
  return { ...quota, status: { ...quota.status, used } } as ApiObject;
}

function isResize({ resource, subresource }: AdmissionAttributes): boolean {
  return resource.resource === "pods" && subresource === "resize";
}

/** Runs what concerns one key in the order of its coming; keys do not wait for each other. */
function createTurns(): (key: string, work: () => Promise<void>) => Promise<void> {
  const last = new Map<string, Promise<void>>();
  return async (key, work) => {
    const before = last.get(key);
    const turn = (before ?? Promise.resolve()).then(work);
    // Whoever comes next waits for the end of this one, however it ends; the error belongs to its own caller.
    const settled = turn.catch(() => undefined);
    last.set(key, settled);
    try {
      await turn;
    } finally {
      if (last.get(key) === settled) last.delete(key);
    }
  };
}
