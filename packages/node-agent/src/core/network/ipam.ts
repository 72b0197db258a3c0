// Addresses of a node's pods: which are in its CIDR, which are free. It remembers nothing; what is taken is read from the
// sandboxes' own labels.

export interface Cidr {
  /** The network's first address as a number. */
  readonly base: number;
  readonly prefix: number;
}

export function parseCidr(text: string): Cidr | undefined {
  const match = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(text);
  const address = match?.[1] === undefined ? undefined : parseIPv4(match[1]);
  const prefix = Number(match?.[2]);
  if (address === undefined || prefix > 32) return undefined;
  const size = 2 ** (32 - prefix);
  return { base: Math.floor(address / size) * size, prefix };
}

/** The bridge's own address, which is the pods' gateway: the first one. */
export function gatewayOf(cidr: Cidr): string {
  return formatIPv4(cidr.base + 1);
}

/**
 * A free address after `after`, wrapping around, so that an address is reused as late as possible. `undefined` when all
 * are taken. Network, gateway and broadcast addresses are never given.
 */
export function freeAddress(cidr: Cidr, taken: ReadonlySet<string>, after?: string): string | undefined {
  const first = cidr.base + 2;
  const count = 2 ** (32 - cidr.prefix) - 3;
  const last = after === undefined ? undefined : parseIPv4(after);
  const offset = last === undefined || last < first || last >= first + count ? 0 : last - first + 1;
  for (let step = 0; step < count; step++) {
    const address = formatIPv4(first + ((offset + step) % count));
    if (!taken.has(address)) return address;
  }
  return undefined;
}

export function contains(cidr: Cidr, address: string): boolean {
  const value = parseIPv4(address);
  return value !== undefined && value >= cidr.base && value < cidr.base + 2 ** (32 - cidr.prefix);
}

export function parseIPv4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return undefined;
  return parts.reduce((value, part) => value * 256 + Number(part), 0);
}

export function formatIPv4(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}
