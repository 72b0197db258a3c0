// A range of IPv4 addresses such as 10.96.0.0/12, as arithmetic. It allocates nothing.

export interface IpRange {
  readonly text: string;
  /** The network's own address. */
  readonly base: number;
  /** Addresses that a service may have: all but the network's own and the last. */
  readonly size: number;
}

/** Parses "a.b.c.d/n"; throws for anything else, since it comes from a flag. */
export function parseIpRange(text: string): IpRange {
  const [address = "", bits = ""] = text.split("/");
  const number = parseIp(address);
  const prefix = Number(bits);
  if (number === undefined || !isIpv4Range(text))
    throw new RangeError(`expected an IPv4 range such as 10.96.0.0/12, found ${text}`);
  const total = 2 ** (32 - prefix);
  const base = number - (number % total);
  return { text: `${formatIp(base)}/${prefix}`, base, size: total - 2 };
}

/** Whether a text is a range that can be parsed here: no other family, nothing too large or too small to give out. */
export function isIpv4Range(text: string): boolean {
  const [address = "", bits = ""] = text.split("/");
  return parseIp(address) !== undefined && /^\d+$/.test(bits) && Number(bits) >= 8 && Number(bits) <= 30;
}

/** The address at an offset: 0 is the first that a service may have. */
export function ipAt(range: IpRange, offset: number): string {
  return formatIp(range.base + 1 + offset);
}

/** Whether a service may have this address. */
export function inRange(range: IpRange, ip: string): boolean {
  const number = parseIp(ip);
  return number !== undefined && number > range.base && number <= range.base + range.size;
}

/**
 * The first offset that is given out unasked. Below lie the addresses that people choose themselves: between 16 and 256, a
 * sixteenth of the range (KEP-3070).
 */
export function dynamicStart(size: number): number {
  const reserved = Math.min(Math.max(16, Math.floor(size / 16)), 256);
  return size <= 16 ? 0 : reserved;
}

/** Strict: no leading zeros, as in Go. */
export function parseIp(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

function formatIp(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
}
