// Eviction thresholds in the kubelet's syntax (`memory.available<100Mi,nodefs.available<10%`). Pure.
import { amountOf } from "../container/amount.ts";

export const signals = [
  "memory.available",
  "nodefs.available",
  "nodefs.inodesFree",
  "imagefs.available",
  "imagefs.inodesFree",
  "pid.available",
] as const;
export type Signal = (typeof signals)[number];

/** An amount, or a share of the capacity. */
export type ThresholdValue = { readonly amount: number } | { readonly share: number };

export interface Threshold {
  readonly signal: Signal;
  readonly value: ThresholdValue;
  /** How long it must hold; 0 for hard ones. */
  readonly graceMs: number;
  readonly isHard: boolean;
  /** So much more than the threshold must be free before pressure ends. */
  readonly minReclaim: ThresholdValue | undefined;
}

/** What is there of a signal's resource. */
export interface Observation {
  readonly available: number;
  readonly capacity: number;
}

/** Throws an Error in one sentence for a statement that cannot be read. */
export function parseStatements(statements: readonly string[], separator: "<" | "="): ReadonlyMap<Signal, string> {
  const read = new Map<Signal, string>();
  for (const statement of statements) {
    if (statement === "") continue;
    const at = statement.indexOf(separator);
    const name = statement.slice(0, at);
    const signal = signals.find((known) => known === name);
    if (at < 0 || !signal)
      throw new Error(
        `expected SIGNAL${separator}VALUE with a signal of ${signals.join(", ")}, found ${JSON.stringify(statement)}`,
      );
    if (read.has(signal)) throw new Error(`${signal} is said twice`);
    read.set(signal, statement.slice(at + 1));
  }
  return read;
}

export function parseThresholdValue(text: string): ThresholdValue {
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  if (percent !== undefined && Number(percent) <= 100) return { share: Number(percent) / 100 };
  const amount = amountOf(text);
  if (amount === undefined || amount < 0)
    throw new Error(`expected a quantity or a percentage, found ${JSON.stringify(text)}`);
  return { amount };
}

export function valueIn(value: ThresholdValue, capacity: number): number {
  return "amount" in value ? value.amount : Math.floor(value.share * capacity);
}
