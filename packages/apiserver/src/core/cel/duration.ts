// Durations as Go writes them ("1h30m", "250ms"), as the expression language's own.
import { Duration } from "@marcbachmann/cel-js/evaluator";

const nanosOf: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
  d: 86_400e9,
};

/** Undefined for a text that is none. */
export function parseDuration(text: string): Duration | undefined {
  const match = /^([-+]?)((?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h|d))+|0)$/.exec(text);
  if (!match) return undefined;
  let nanos = 0n;
  for (const [, amount = "0", unit = "s"] of (match[2] ?? "").matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h|d)/g))
    nanos += BigInt(Math.round(Number(amount) * (nanosOf[unit] ?? 0)));
  if (match[1] === "-") nanos = -nanos;
  return new Duration(nanos / 1_000_000_000n, Number(nanos % 1_000_000_000n));
}
