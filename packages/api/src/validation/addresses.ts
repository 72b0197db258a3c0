/** Checks of IP addresses and ranges, in Kubernetes' words. Old fields read them sloppily; so do these. */
import { type FieldError, fieldErrors, parseIp, parseIpRange } from "@coxswain/apimachinery";

export function ipAddress(value: string, field: string): FieldError[] {
  return parseIp(value) === undefined
    ? [fieldErrors.invalid(field, value, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    : [];
}

export function ipRange(value: string, field: string): FieldError[] {
  return parseIpRange(value) === undefined
    ? [fieldErrors.invalid(field, value, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")]
    : [];
}

/** An address of one family. */
export function ipAddressOf(family: 4 | 6, value: string, field: string): FieldError[] {
  return parseIp(value)?.family === family
    ? []
    : [fieldErrors.invalid(field, value, `must be a valid IPv${family} address`)];
}

const low = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

/** An address that packets can be sent to from elsewhere: not unspecified, loopback or local to a link. */
export function nonSpecialAddress(value: string, field: string): FieldError[] {
  const address = parseIp(value);
  if (address === undefined) return [fieldErrors.invalid(field, value, "must be a valid IP address")];
  const isOld = address.family === 4;
  const starts = (bits: number, prefix: bigint): boolean =>
    address.value >> BigInt((isOld ? 32 : 128) - bits) === prefix;
  const problem = (detail: string): FieldError[] => [fieldErrors.invalid(field, value, detail)];
  if (address.value === 0n) return problem(`may not be unspecified (${value})`);
  if (isOld ? starts(8, 127n) : address.value === 1n)
    return problem("may not be in the loopback range (127.0.0.0/8, ::1/128)");
  if (isOld ? starts(16, 0xa9fen) : starts(10, 0xfe80n >> 6n))
    return problem("may not be in the link-local range (169.254.0.0/16, fe80::/10)");
  if (isOld ? starts(24, 0xe00000n) : starts(8, 0xffn) && ((address.value >> 112n) & low(4)) === 2n)
    return problem("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
  return [];
}

/** Whether two addresses, or two ranges, are one of each family. */
export function isDualStack(values: readonly string[]): boolean {
  const families = new Set(values.map((value) => (parseIp(value) ?? parseIpRange(value)?.base)?.family));
  return families.has(4) && families.has(6);
}
