// Addresses and ranges of addresses in expressions: `cidr("10.0.0.0/8").containsIP(self.address)`.
import type { Environment } from "@marcbachmann/cel-js";
import type { IpAddress, IpRange } from "@coxswain/apimachinery";
import { containsAddress, parseIp, parseIpRange } from "@coxswain/apimachinery";

class CelIp {
  readonly address: IpAddress;

  constructor(address: IpAddress) {
    this.address = address;
  }
}

class CelCidr {
  readonly range: IpRange;

  constructor(range: IpRange) {
    this.range = range;
  }
}

/** Address and range texts with leading zeros are none here, as in Go's netip. */
const leadingZero = /(?:^|[.])0\d/;

export function addAddressFunctions(environment: Environment): void {
  const within = (...ranges: readonly string[]): ((ip: CelIp) => boolean) => {
    const parsed = ranges.map((text) => cidrOf(text).range);
    return ({ address }) => parsed.some((range) => containsAddress(range, address));
  };
  environment
    .registerType("IP", CelIp)
    .registerType("CIDR", CelCidr)
    .registerFunction("isIP(string): bool", (text: string) => readIp(text) !== undefined)
    .registerFunction("ip(string): IP", ipOf)
    .registerFunction("isCIDR(string): bool", (text: string) => readCidr(text) !== undefined)
    .registerFunction("cidr(string): CIDR", cidrOf)
    .registerOperator("IP == IP", (left: CelIp, right: CelIp) => isSame(left.address, right.address))
    .registerOperator(
      "CIDR == CIDR",
      (left: CelCidr, right: CelCidr) =>
        isSame(left.range.base, right.range.base) && left.range.bits === right.range.bits,
    )
    .registerFunction("IP.family(): int", ({ address }: CelIp) => BigInt(address.family))
    .registerFunction("IP.isUnspecified(): bool", ({ address }: CelIp) => address.value === 0n)
    .registerFunction("IP.isLoopback(): bool", within("127.0.0.0/8", "::1/128"))
    .registerFunction("IP.isLinkLocalUnicast(): bool", within("169.254.0.0/16", "fe80::/10"))
    .registerFunction("IP.isLinkLocalMulticast(): bool", within("224.0.0.0/24", "ff02::/16"))
    .registerFunction("CIDR.prefixLength(): int", ({ range }: CelCidr) => BigInt(range.bits))
    .registerFunction("CIDR.containsIP(IP): bool", ({ range }: CelCidr, { address }: CelIp) =>
      containsAddress(range, address),
    )
    .registerFunction("CIDR.containsIP(string): bool", ({ range }: CelCidr, text: string) =>
      containsAddress(range, ipOf(text).address),
    )
    .registerFunction("CIDR.containsCIDR(CIDR): bool", (outer: CelCidr, inner: CelCidr) => covers(outer, inner))
    .registerFunction("CIDR.containsCIDR(string): bool", (outer: CelCidr, text: string) => covers(outer, cidrOf(text)));
}

function isSame(left: IpAddress, right: IpAddress): boolean {
  return left.family === right.family && left.value === right.value;
}

function covers({ range }: CelCidr, inner: CelCidr): boolean {
  return inner.range.bits >= range.bits && containsAddress(range, inner.range.base);
}

function readIp(text: string): IpAddress | undefined {
  return leadingZero.test(text) ? undefined : parseIp(text);
}

function readCidr(text: string): IpRange | undefined {
  return leadingZero.test(text) ? undefined : parseIpRange(text);
}

function ipOf(text: string): CelIp {
  const address = readIp(text);
  if (!address) throw new Error(`IP Address ${JSON.stringify(text)} parse error during conversion from string`);
  return new CelIp(address);
}

function cidrOf(text: string): CelCidr {
  const range = readCidr(text);
  if (!range) throw new Error(`network address parse error during conversion from string: ${JSON.stringify(text)}`);
  return new CelCidr(range);
}
