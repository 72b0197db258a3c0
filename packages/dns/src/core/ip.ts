// IP addresses in the forms that names need: text, bytes, the label that stands for an address, the reverse name. The
// text of an IPv6 address is the canonical one (RFC 5952), so that equal addresses are equal strings.

export type Family = "ipv4" | "ipv6";

/** The four bytes of an IPv4 address; nothing but the plain form is one. */
export function parseIpv4(text: string): readonly number[] | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const parts = text.split(".");
  const bytes = parts.map(Number);
  return bytes.every((byte, index) => byte <= 255 && String(byte) === parts[index]) ? bytes : undefined;
}

/** The eight groups of an IPv6 address, also of one that ends as an IPv4 address. */
export function parseIpv6(text: string): readonly number[] | undefined {
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (tail) {
    const [a, b, c, d] = parseIpv4(tail[2] ?? "") ?? [];
    if (a === undefined || b === undefined || c === undefined || d === undefined) return undefined;
    return parseIpv6(`${tail[1] ?? ""}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`);
  }
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, end] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const written = [...(head ?? []), ...(end ?? [])];
  if (!written.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  const missing = 8 - written.length;
  if (end === undefined ? missing !== 0 : missing < 1) return undefined;
  const zeros = end === undefined ? [] : Array.from({ length: missing }, () => "0");
  return [...(head ?? []), ...zeros, ...(end ?? [])].map((group) => parseInt(group, 16));
}

export function familyOf(address: string): Family | undefined {
  if (parseIpv4(address)) return "ipv4";
  return address.includes(":") && parseIpv6(address) ? "ipv6" : undefined;
}

/** As RFC 5952 writes it: lower case, the longest run of zeros left out. */
export function formatIpv6(groups: readonly number[]): string {
  let bestStart = -1;
  let bestLength = 1;
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > bestLength) [bestStart, bestLength] = [start, length];
  }
  const hex = groups.map((group) => group.toString(16));
  if (bestStart < 0) return hex.join(":");
  return `${hex.slice(0, bestStart).join(":")}::${hex.slice(bestStart + bestLength).join(":")}`;
}

/** The canonical text of an address, or the text itself when it is none. */
export function canonicalAddress(text: string): string {
  const groups = text.includes(":") ? parseIpv6(text) : undefined;
  return groups ? formatIpv6(groups) : text;
}

/** "10-244-1-7", "fd00--7": the label of an address; one that would end in a hyphen gets a 0. */
export function labelOfAddress(address: string): string {
  const label = address.replaceAll(/[.:]/g, "-");
  return label.endsWith("-") ? `${label}0` : label;
}

/** The address that a label spells. */
export function addressOfLabel(label: string): string | undefined {
  const dotted = label.replaceAll("-", ".");
  if (parseIpv4(dotted)) return dotted;
  const groups = parseIpv6(label.replaceAll("-", ":"));
  return groups && formatIpv6(groups);
}

/** The address that a name below in-addr.arpa or ip6.arpa stands for; undefined for any other name. */
export function addressOfReverseName(name: string): string | undefined {
  if (name.endsWith(".in-addr.arpa")) {
    const address = name.slice(0, -".in-addr.arpa".length).split(".").reverse().join(".");
    return parseIpv4(address) ? address : undefined;
  }
  if (!name.endsWith(".ip6.arpa")) return undefined;
  const nibbles = name.slice(0, -".ip6.arpa".length).split(".").reverse();
  if (nibbles.length !== 32 || !nibbles.every((nibble) => /^[0-9a-f]$/.test(nibble))) return undefined;
  const digits = nibbles.join("");
  return formatIpv6(Array.from({ length: 8 }, (_, group) => parseInt(digits.slice(group * 4, group * 4 + 4), 16)));
}
