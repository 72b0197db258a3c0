// Addresses and ranges as text, in the one spelling that the kernel's tools print. No names are looked up.

export type Family = "ipv4" | "ipv6";

export function familyOf(address: string | undefined): Family | undefined {
  if (address === undefined) return undefined;
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(address))
    return address.split(".").every((part) => Number(part) <= 255) ? "ipv4" : undefined;
  return sixWords(address) ? "ipv6" : undefined;
}

export function isOf(family: Family, address: string | undefined): address is string {
  return familyOf(address) === family;
}

/** Loopback, link-local, multicast and unspecified addresses are no place for a backend. */
export function isReachable(address: string, family: Family): boolean {
  if (!isOf(family, address)) return false;
  if (family === "ipv4") return !/^(0|127)\.|^169\.254\.|^(22[4-9]|2[3-5]\d)\./.test(address);
  const words = sixWords(address) ?? [];
  const [first = 0] = words;
  const mapped = words.slice(0, 5).every((word) => word === 0);
  return !mapped && (first & 0xffc0) !== 0xfe80 && (first & 0xff00) !== 0xff00;
}

/** The range with its host bits cleared ("10.1.2.3/8" is "10.0.0.0/8"); undefined when it is none of this family. */
export function canonicalRange(text: string, family: Family): string | undefined {
  const [address = "", length] = text.trim().split("/");
  const whole = family === "ipv4" ? 32 : 128;
  const bits = length === undefined ? whole : Number(length);
  if (!isOf(family, address) || !/^\d{0,3}$/.test(length ?? "") || bits > whole) return undefined;
  const [words, width] = family === "ipv4" ? [address.split(".").map(Number), 8] : [sixWords(address) ?? [], 16];
  const kept = words.map((word, index) => {
    const own = Math.min(width, Math.max(0, bits - index * width));
    return word & ~(2 ** (width - own) - 1);
  });
  return `${family === "ipv4" ? kept.join(".") : sixText(kept)}/${bits}`;
}

/** The address as RFC 5952 writes it; IPv4 addresses have one spelling only. */
export function canonicalAddress(address: string): string {
  const words = address.includes(":") ? sixWords(address) : undefined;
  return words ? sixText(words) : address;
}

/** Whether an address lies within a range of the same family. */
export function isWithin(address: string, range: string): boolean {
  const family = familyOf(address);
  if (!family) return false;
  const wanted = canonicalRange(range, family);
  return wanted !== undefined && canonicalRange(`${address}/${wanted.split("/")[1]}`, family) === wanted;
}

/** "address:port", with brackets where the address has colons. */
export function hostPort({ address, port }: { readonly address: string; readonly port: number }): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function sixWords(address: string): number[] | undefined {
  const tail = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const [a = 0, b = 0, c = 0, d = 0] = tail?.slice(2).map(Number) ?? [];
  const text = tail ? `${tail[1]}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}` : address;
  const [left, right, ...more] = text.split("::");
  if (left === undefined || more.length > 0 || Math.max(a, b, c, d) > 255) return undefined;
  const head = left === "" ? [] : left.split(":");
  const rest = right === undefined || right === "" ? [] : right.split(":");
  const missing = 8 - head.length - rest.length;
  if (right === undefined ? missing !== 0 : missing < 1) return undefined;
  const words = [...head, ...Array.from({ length: missing }, () => "0"), ...rest];
  return words.every((word) => /^[0-9a-fA-F]{1,4}$/.test(word))
    ? words.map((word) => Number.parseInt(word, 16))
    : undefined;
}

/** The longest run of at least two zeros, the first of equals, becomes "::". */
function sixText(words: readonly number[]): string {
  let best = { from: 0, length: 1 };
  for (let from = 0; from < 8; from++) {
    let length = 0;
    while (words[from + length] === 0) length++;
    if (length > best.length) best = { from, length };
  }
  const text = (part: readonly number[]): string => part.map((word) => word.toString(16)).join(":");
  if (best.length < 2) return text(words);
  return `${text(words.slice(0, best.from))}::${text(words.slice(best.from + best.length))}`;
}
