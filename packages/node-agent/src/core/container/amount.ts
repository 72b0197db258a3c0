// Quantities as plain numbers, for cgroup limits and downward values. Exactness to the last nano is not needed here.

const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** `undefined` for a text that is no quantity. */
export function amountOf(quantity: string | undefined): number | undefined {
  const match = /^([+-]?[0-9.]+)(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/.exec(quantity ?? "");
  if (!match?.[1]) return undefined;
  const value = Number(`${match[1]}${match[2] ?? ""}`) * (factors[match[3] ?? ""] ?? Number.NaN);
  return Number.isNaN(value) ? undefined : value;
}
