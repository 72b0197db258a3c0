/** Validation of a service's own addresses and their families, and of how those may change. */
import { type DeepReadonly, type FieldError, fieldErrors, parseIp } from "@coxswain/apimachinery";
import { ipAddress, isDualStack } from "../../../validation/addresses.ts";
import type { ServiceSpec } from "../types.ts";

const { invalid, required, notSupported, duplicate } = fieldErrors;
type Spec = DeepReadonly<ServiceSpec>;

const families = ["IPv4", "IPv6"];
const policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
const ips = "spec.clusterIPs";
const fixed = "may not change once set";

export const isHeadless = (spec: Spec): boolean => spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === "None";

export function validateAddresses(spec: Spec): FieldError[] {
  if (spec.type === "ExternalName") return [];
  const { clusterIP = "", clusterIPs = [], ipFamilies = [], ipFamilyPolicy: policy } = spec;
  const errors: FieldError[] = [];
  if (clusterIP === "") {
    if (clusterIPs.length > 0) errors.push(invalid(ips, clusterIPs, "must be empty when `clusterIP` is not specified"));
  } else if (clusterIPs.length === 0) errors.push(required(ips));
  else if (clusterIPs[0] !== clusterIP) errors.push(invalid(ips, clusterIPs, "first value must match `clusterIP`"));
  for (const [index, family] of ipFamilies.entries()) {
    const here = `spec.ipFamilies[${index}]`;
    if (!families.includes(family)) errors.push(notSupported(here, family, families));
    if (ipFamilies.indexOf(family) < index) errors.push(duplicate(here, family));
  }
  if (policy !== undefined && !policies.includes(policy))
    errors.push(notSupported("spec.ipFamilyPolicy", policy, policies));
  return [...errors, ...validateList(clusterIPs, ipFamilies, isHeadless(spec))];
}

function validateList(clusterIPs: readonly string[], ipFamilies: readonly string[], headless: boolean): FieldError[] {
  const problems: FieldError[] = [];
  for (const [index, ip] of clusterIPs.entries()) {
    if (index > 0 || ip !== "None") problems.push(...ipAddress(ip, `${ips}[${index}]`));
    else if (clusterIPs.length > 1) problems.push(invalid(ips, clusterIPs, "'None' must be the first and only value"));
  }
  const errors = [...problems];
  if (clusterIPs.length > 2) errors.push(invalid(ips, clusterIPs, "may only hold up to 2 values"));
  if (problems.length > 0) return errors;
  if (clusterIPs.length > 1 && !isDualStack(clusterIPs))
    errors.push(invalid(ips, clusterIPs, "may specify no more than one IP for each IP family"));
  if (headless) return errors;
  for (const [index, ip] of clusterIPs.entries()) {
    const family = ipFamilies[index];
    const own = `IPv${parseIp(ip)?.family ?? ""}`;
    if (family !== undefined && families.includes(family) && family !== own)
      errors.push(
        invalid(`${ips}[${index}]`, ip, `expected an ${family} value as indicated by \`ipFamilies[${index}]\``),
      );
  }
  return errors;
}

/** A second address may come and go with its family; the first stays. */
export function validateAddressUpdate(next: Spec, old: Spec): FieldError[] {
  if (next.type === "ExternalName" || old.type === "ExternalName") return [];
  const [isNow, was] = [isHeadless(next), isHeadless(old)];
  const errors = isNow && was ? [] : addressChanges(next, old);
  return isNow || was ? errors : [...errors, ...familyChanges(next, old)];
}

function addressChanges(next: Spec, old: Spec): FieldError[] {
  const [list, before] = [next.clusterIPs ?? [], old.clusterIPs ?? []];
  if (list.length === before.length)
    return before.flatMap((ip, index) => (ip === list[index] ? [] : [invalid(`${ips}[${index}]`, list, fixed)]));
  const errors: FieldError[] = [];
  if (list.length === 0) errors.push(invalid(`${ips}[0]`, list, "primary clusterIP can not be unset"));
  else if (before.length > 0 && list[0] !== before[0]) errors.push(invalid(`${ips}[0]`, list, fixed));
  return before.length > list.length && list.length === 1 ? [...errors, ...mustBeSingle(next, "clusterIP")] : errors;
}

function familyChanges(next: Spec, old: Spec): FieldError[] {
  const field = "spec.ipFamilies[0]";
  const [list, before] = [next.ipFamilies ?? [], old.ipFamilies ?? []];
  if (list.length === before.length)
    return before.flatMap((family, index) => (family === list[index] ? [] : [invalid(field, list, fixed)]));
  const errors: FieldError[] = [];
  if (before.length > list.length && (next.clusterIPs ?? []).length === 0)
    errors.push(invalid(field, list, "primary ipFamily can not be unset"));
  if (list.length > 0 && before.length > 0 && list[0] !== before[0])
    errors.push(invalid(field, next.clusterIPs ?? [], fixed));
  return before.length > list.length && list.length === 1 ? [...errors, ...mustBeSingle(next, "ipFamily")] : errors;
}

function mustBeSingle(spec: Spec, what: string): FieldError[] {
  return spec.ipFamilyPolicy === "SingleStack"
    ? []
    : [
        invalid(
          "spec.ipFamilyPolicy",
          spec.ipFamilyPolicy,
          `must be set to 'SingleStack' when releasing the secondary ${what}`,
        ),
      ];
}
