/**
 * IP addresses and ranges as Kubernetes' older fields read them: leading zeros are tolerated and decimal, zones are not allowed. It parses and
 * compares; it does not resolve, format or allocate.
 */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
}

export interface IpRange {
  readonly base: IpAddress;
  /** Leading bits that count. */
  readonly bits: number;
}

/** Undefined when the text is no address. An IPv4 address written as IPv6 (`::ffff:1.2.3.4`) is an IPv4 address. */
export function parseIp(text: string): IpAddress | undefined {
  if (!text.includes(":")) {
    const value = parseIpv4(text);
    return value === undefined ? undefined : { family: 4, value };
  }
  const value = parseIpv6(text);
  if (value === undefined) return undefined;
  return value >> 32n === 0xffffn ? { family: 4, value: value & 0xffffffffn } : { family: 6, value };
}

/** Undefined when the text is no `ADDRESS/BITS`. */
export function parseIpRange(text: string): IpRange | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const base = match === null ? undefined : parseIp(match[1] ?? "");
  const bits = Number(match?.[2]);
  if (base === undefined || bits > widthOf(base)) return undefined;
  const low = BigInt(widthOf(base) - bits);
  return { base: { family: base.family, value: (base.value >> low) << low }, bits };
}

export function containsAddress(range: IpRange, address: IpAddress): boolean {
  if (range.base.family !== address.family) return false;
  const low = BigInt(widthOf(range.base) - range.bits);
  return range.base.value >> low === address.value >> low;
}

function widthOf(address: IpAddress): number {
  return address.family === 4 ? 32 : 128;
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d+$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.reduce((value, part) => value * 256n + BigInt(Number(part)), 0n);
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(parseGroups);
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 8 ? join(head) : undefined;
  if (tail === undefined || head.length + tail.length > 7) return undefined;
  return join([...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail]);
}

/** Groups of 16 bits; the last two may be written as an IPv4 address. */
function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (part.includes(".") && index === parts.length - 1) {
      const value = parseIpv4(part);
      if (value === undefined) return undefined;
      groups.push(Number(value >> 16n), Number(value & 0xffffn));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

function join(groups: readonly number[]): bigint {
  return groups.reduce((value, group) => (value << 16n) + BigInt(group), 0n);
}
