// Which families of addresses a service has, in a cluster that gives out IPv4 only. As `initIPFamilyFields` of Kubernetes' alloc.go: a
// service without selector and address may have any, since nobody gives it one.
import { type FieldError, fieldErrors, jsonEqual, parseIp } from "@coxswain/apimachinery";
import { validateServiceAddresses } from "@coxswain/api";
import type { Service } from "@coxswain/api/core/v1";

type Spec = NonNullable<Service["spec"]>;
const { invalid } = fieldErrors;
const policyField = "spec.ipFamilyPolicy";

/** The specification with its families and policy, and what is wrong with those it has. */
export function withFamilies(
  given: Spec,
  old: Spec | undefined,
): { readonly spec: Spec; readonly errors: readonly FieldError[] } {
  if (given.type === "ExternalName") return { spec: given, errors: [] };
  const isFree = given.clusterIP === "None" && Object.keys(given.selector ?? {}).length === 0;
  const policy = given.ipFamilyPolicy ?? old?.ipFamilyPolicy ?? (isFree ? "RequireDualStack" : "SingleStack");
  const spec = { ...given, ipFamilyPolicy: policy };
  const shape = validateServiceAddresses(spec);
  if (shape.length > 0) return { spec, errors: shape };
  const families = [...kept(spec, old)];
  const errors = [...policyErrors(spec, families, old), ...inferred(spec, families)];
  if (errors.length > 0) return { spec, errors };
  if (isFree) {
    if (families.length === 0) families.push("IPv4");
    if (families.length < 2 && policy !== "SingleStack") families.push(families[0] === "IPv4" ? "IPv6" : "IPv4");
    return { spec: { ...spec, ipFamilies: families }, errors: [] };
  }
  if (policy === "RequireDualStack")
    errors.push(invalid(policyField, policy, "this cluster is not configured for dual-stack services"));
  for (const [index, family] of families.entries())
    if (family !== "IPv4") errors.push(invalid(`spec.ipFamilies[${index}]`, family, "not configured on this cluster"));
  return { spec: { ...spec, ipFamilies: families.length === 0 ? ["IPv4"] : families }, errors };
}

type Family = NonNullable<Spec["ipFamilies"]>[number];

/** Whoever asks for a single stack and leaves the families as they were gives up the second. */
function kept({ ipFamilies = [], ipFamilyPolicy }: Spec, old: Spec | undefined): readonly Family[] {
  const isMeant = ipFamilyPolicy === "SingleStack" && old !== undefined && jsonEqual(ipFamilies, old.ipFamilies ?? []);
  return isMeant ? ipFamilies.slice(0, 1) : ipFamilies;
}

function policyErrors(
  { clusterIPs = [], ipFamilyPolicy: policy }: Spec,
  families: readonly Family[],
  old?: Spec,
): FieldError[] {
  const wrong = (detail: string): FieldError => invalid(policyField, policy, detail);
  if (policy !== "SingleStack") {
    const isReduced = families.length > 0 && families.length < (old?.ipFamilies ?? []).length;
    return isReduced ? [wrong("must be 'SingleStack' to release the secondary IP family")] : [];
  }
  const several = (what: string): FieldError =>
    wrong(`must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`);
  return [
    ...(clusterIPs.length === 2 ? [several("cluster IPs")] : []),
    ...(families.length === 2 ? [several("IP families")] : []),
  ];
}

/** Adds the families of addresses that nobody has named. */
function inferred({ clusterIPs = [] }: Spec, families: Family[]): FieldError[] {
  return clusterIPs.flatMap((ip, index) => {
    if (ip === "None" || index < families.length) return [];
    if (parseIp(ip)?.family !== 4)
      return [invalid(`spec.clusterIPs[${index}]`, clusterIPs, "IPv6 is not configured on this cluster")];
    families.push("IPv4");
    return [];
  });
}
