// Decides whether a range of service addresses may be used, and whether one that is to go may: not while an address of it would belong to
// no range any more. The apiservers give out addresses of ranges that are ready.
import type { IPAddress, ServiceCIDR } from "@coxswain/api/networking/v1";
import { containsAddress, parseIp, parseIpRange } from "@coxswain/apimachinery";
import type { Condition, DeepReadonly, IpRange } from "@coxswain/apimachinery";
import { parseRfc3339, rfc3339 } from "@coxswain/clock";
import type { Plan } from "@coxswain/controller";

export type ReadonlyServiceCidr = DeepReadonly<ServiceCIDR>;
export const rangeFinalizer = "networking.k8s.io/service-cidr-finalizer";
/** Apiservers that have not heard yet that a range goes may give out one more address of it. */
export const partingMs = 10_000;

export interface ServiceCidrView {
  readonly range: ReadonlyServiceCidr;
  readonly others: readonly ReadonlyServiceCidr[];
  readonly addresses: readonly DeepReadonly<IPAddress>[];
  readonly nowMs: number;
}

export type ServiceCidrAction =
  | { readonly kind: "hold" }
  | { readonly kind: "set-conditions"; readonly conditions: readonly Condition[] }
  | { readonly kind: "let-go" };

export function planServiceCidr(view: ServiceCidrView): Plan<ServiceCidrAction> & { readonly wakeAfterMs?: number } {
  const { range, nowMs } = view;
  const { deletionTimestamp, finalizers = [] } = range.metadata;
  if (deletionTimestamp === undefined) {
    const actions: ServiceCidrAction[] = finalizers.includes(rangeFinalizer) ? [] : [{ kind: "hold" }];
    actions.push(...conditionTo(view, "True", "", "Kubernetes Service CIDR is ready"));
    return { actions, because: "its addresses may be used" };
  }
  if (!finalizers.includes(rangeFinalizer)) return { actions: [], because: "others hold it" };
  const lost = view.addresses.filter((address) => isLostWithout(view, address.metadata.name));
  const message =
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";
  if (lost.length > 0) {
    const actions = conditionTo(view, "False", "Terminating", message);
    return { actions, because: `${lost.length} addresses would belong to no range` };
  }
  const waitMs = (parseRfc3339(deletionTimestamp) ?? nowMs) + partingMs - nowMs;
  if (waitMs > 0) return { actions: [], because: "an address of it may just be given out", wakeAfterMs: waitMs };
  return { actions: [{ kind: "let-go" }], because: "no address needs it" };
}

/** Whether an address belongs to this range and to no other that stays. */
function isLostWithout({ range, others }: ServiceCidrView, name: string): boolean {
  const address = parseIp(name);
  const covers = (cidr: ReadonlyServiceCidr): boolean =>
    address !== undefined && rangesOf(cidr).some((one) => containsAddress(one, address));
  return covers(range) && !others.some((other) => other.metadata.deletionTimestamp === undefined && covers(other));
}

const rangesOf = (range: ReadonlyServiceCidr): readonly IpRange[] =>
  (range.spec?.cidrs ?? []).map(parseIpRange).filter((one) => one !== undefined);

function conditionTo(
  { range, nowMs }: ServiceCidrView,
  status: "True" | "False",
  reason: string,
  message: string,
): readonly ServiceCidrAction[] {
  const present = range.status?.conditions ?? [];
  const before = present.find(({ type }) => type === "Ready");
  if (before?.status === status && before.reason === reason) return [];
  const ready: Condition = { type: "Ready", status, reason, message, lastTransitionTime: rfc3339(nowMs) };
  const others = present.filter(({ type }) => type !== "Ready").map((one) => ({ ...one }));
  return [{ kind: "set-conditions", conditions: [...others, ready] }];
}
