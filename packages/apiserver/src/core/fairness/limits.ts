// How many seats each priority level has: its nominal share of all, how far it may be below or above that by lending and borrowing, and, from
// time to time, how what is there is shared out by what has been asked for. After kube-apiserver's `util/flowcontrol` (apf_controller.go and
// conc_alloc.go); no clock, no requests.
import type { PriorityLevelConfiguration } from "@coxswain/api/flowcontrol/v1";

export interface LevelLimits {
  readonly nominal: number;
  /** What it never lends. */
  readonly lower: number;
  /** What it has when it has borrowed all that it may. */
  readonly upper: number;
}

export interface LevelDemand {
  readonly name: string;
  readonly isExempt: boolean;
  readonly limits: LevelLimits;
  /** The most seats that were wanted at once since the last look. */
  readonly highest: number;
  /** What it is expected to want. */
  readonly smoothed: number;
}

export interface Shares {
  /** By the level's name. */
  readonly seats: ReadonlyMap<string, number>;
  /** How much of what it wants each level gets, where its bounds do not say otherwise. */
  readonly fairFraction: number;
}

interface Item {
  readonly lower: number;
  readonly upper: number;
  readonly target: number;
}

/** Kubernetes' defaults of what may be left out. */
const defaultShares = 30;
/** A level that wants nothing would get nothing of what is left over. */
const leastTarget = 0.001;

export function isExempt({ spec }: PriorityLevelConfiguration): boolean {
  return spec?.type === "Exempt";
}

export function limitsOf(
  levels: readonly PriorityLevelConfiguration[],
  serverSeats: number,
): ReadonlyMap<string, LevelLimits> {
  const sum = levels.reduce((total, level) => total + sharesOf(level), 0);
  return new Map(levels.map((level) => [level.metadata.name, limitsOfOne(level, sum, serverSeats)]));
}

function limitsOfOne(level: PriorityLevelConfiguration, sum: number, serverSeats: number): LevelLimits {
  const { spec } = level;
  const nominal = sum === 0 ? 0 : Math.ceil((serverSeats * sharesOf(level)) / sum);
  const lendable = (spec?.limited ?? spec?.exempt)?.lendablePercent ?? 0;
  const borrowing = spec?.limited?.borrowingLimitPercent;
  return {
    nominal,
    lower: nominal - Math.round((nominal * lendable) / 100),
    upper: borrowing === undefined ? serverSeats : nominal + Math.round((nominal * borrowing) / 100),
  };
}

function sharesOf(level: PriorityLevelConfiguration): number {
  const { exempt, limited } = level.spec ?? {};
  return isExempt(level)
    ? (exempt?.nominalConcurrencyShares ?? 0)
    : (limited?.nominalConcurrencyShares ?? defaultShares);
}

/** What each level has until the next look. */
export function shareOut(levels: readonly LevelDemand[]): Shares {
  const total = levels.reduce((sum, { limits }) => sum + limits.nominal, 0);
  const seats = new Map<string, number>();
  let left = total;
  // Nobody makes the exempt wait: what they want is taken from the others.
  for (const { name, isExempt: exempt, limits, highest } of levels) {
    if (!exempt) continue;
    seats.set(name, Math.max(limits.lower, highest));
    left -= Math.max(limits.lower, highest);
  }
  const others = levels.filter((level) => !level.isExempt);
  const items = others.map(({ limits, highest, smoothed }): Item => {
    const lower = Math.max(limits.lower, Math.min(limits.nominal, highest));
    return { lower, upper: Math.max(lower, limits.upper), target: Math.max(lower, smoothed) };
  });
  const least = others.reduce((sum, { limits }) => sum + limits.lower, 0);
  const wanted = items.reduce((sum, { lower }) => sum + lower, 0);
  const between = left <= least ? 0 : left <= wanted ? (left - least) / (wanted - least) : undefined;
  const { allocated, fraction } =
    between === undefined
      ? allocate(left, items)
      : {
          allocated: items.map(({ lower }, index) => {
            const own = others[index]?.limits.lower ?? 0;
            return own + (lower - own) * between;
          }),
          fraction: 0,
        };
  for (const [index, { name }] of others.entries()) seats.set(name, Math.round(allocated[index] ?? 0));
  return { seats, fairFraction: fraction };
}

/**
 * The one fraction, and what follows from it, by which every item gets that part of its target, but not less than its lower and not more than
 * its upper bound, and all together get `total`; as near to it as the bounds allow.
 */
function allocate(
  total: number,
  items: readonly Item[],
): { readonly allocated: readonly number[]; readonly fraction: number } {
  const target = (item: Item): number => Math.max(item.target, leastTarget);
  const at = (fraction: number): number[] =>
    items.map((item) => Math.min(item.upper, Math.max(item.lower, fraction * target(item))));
  const sumAt = (fraction: number): number => at(fraction).reduce((sum, one) => sum + one, 0);
  // Between two bounds the sum is a straight line.
  const bends = items
    .flatMap((item) => [item.lower / target(item), item.upper / target(item)])
    .sort((one, other) => one - other);
  let before = 0;
  for (const bend of bends) {
    const [low, high] = [sumAt(before), sumAt(bend)];
    if (high >= total) {
      const fraction = high === low ? bend : before + ((bend - before) * (total - low)) / (high - low);
      return { allocated: at(fraction), fraction };
    }
    before = bend;
  }
  return { allocated: at(before), fraction: before };
}
