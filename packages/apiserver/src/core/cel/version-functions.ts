// Semantic versions in expressions: `semver("1.2.3").isLessThan(semver("1.10.0"))`. After apiserver's `cel/library/semverlib.go`.
import type { Environment } from "@marcbachmann/cel-js";

class CelVersion {
  readonly numbers: readonly bigint[];
  readonly before: readonly string[];

  constructor(numbers: readonly bigint[], before: readonly string[]) {
    this.numbers = numbers;
    this.before = before;
  }
}

const number = "(0|[1-9]\\d*)";
const part = "(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)";
const whole = new RegExp(
  `^${number}\\.${number}\\.${number}(?:-(${part}(?:\\.${part})*))?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
);

export function addVersionFunctions(environment: Environment): void {
  const order = (of: (sign: number) => boolean) => (left: CelVersion, right: CelVersion) => of(compare(left, right));
  const part = (index: number) => (version: CelVersion) => version.numbers[index] ?? 0n;
  environment
    .registerType("Semver", CelVersion)
    .registerFunction("isSemver(string): bool", (text: string) => read(text) !== undefined)
    .registerFunction(
      "isSemver(string, bool): bool",
      (text: string, loosely: boolean) => read(text, loosely) !== undefined,
    )
    .registerFunction("semver(string): Semver", (text: string) => mustRead(text))
    .registerFunction("semver(string, bool): Semver", mustRead)
    .registerOperator(
      "Semver == Semver",
      order((sign) => sign === 0),
    )
    .registerFunction("Semver.major(): int", part(0))
    .registerFunction("Semver.minor(): int", part(1))
    .registerFunction("Semver.patch(): int", part(2))
    .registerFunction(
      "Semver.isGreaterThan(Semver): bool",
      order((sign) => sign > 0),
    )
    .registerFunction(
      "Semver.isLessThan(Semver): bool",
      order((sign) => sign < 0),
    )
    .registerFunction("Semver.compareTo(Semver): int", (left: CelVersion, right: CelVersion) =>
      BigInt(compare(left, right)),
    );
}

/** Loosely: with a "v" in front, with numbers left out, with zeros before numbers. */
function read(text: string, loosely = false): CelVersion | undefined {
  const found = whole.exec(loosely ? normal(text) : text);
  if (!found) return undefined;
  const [, major = "", minor = "", patch = "", before] = found;
  return new CelVersion([BigInt(major), BigInt(minor), BigInt(patch)], before === undefined ? [] : before.split("."));
}

function mustRead(text: string, loosely = false): CelVersion {
  const version = read(text, loosely);
  if (!version) throw new Error(`invalid semantic version: ${JSON.stringify(text)}`);
  return version;
}

function normal(text: string): string {
  const [, numbers = "", rest = ""] = /^v?(\d+(?:\.\d+){0,2})(.*)$/s.exec(text) ?? [];
  const all = [...numbers.split(".").map((digits) => digits.replace(/^0+(?=\d)/, "")), "0", "0"];
  return numbers === "" ? text : `${all.slice(0, 3).join(".")}${rest}`;
}

function compare(left: CelVersion, right: CelVersion): -1 | 0 | 1 {
  for (const [index, number] of left.numbers.entries()) {
    const other = right.numbers[index] ?? 0n;
    if (number !== other) return number < other ? -1 : 1;
  }
  // What comes before a release has more to say than the release, and is less.
  if (left.before.length === 0 || right.before.length === 0)
    return left.before.length === right.before.length ? 0 : left.before.length === 0 ? 1 : -1;
  for (let index = 0; index < Math.max(left.before.length, right.before.length); index += 1) {
    const sign = compareParts(left.before[index], right.before[index]);
    if (sign !== 0) return sign;
  }
  return 0;
}

function compareParts(left: string | undefined, right: string | undefined): -1 | 0 | 1 {
  if (left === right) return 0;
  if (left === undefined || right === undefined) return left === undefined ? -1 : 1;
  const [isLeft, isRight] = [/^\d+$/.test(left), /^\d+$/.test(right)];
  if (isLeft !== isRight) return isLeft ? -1 : 1;
  if (!isLeft) return left < right ? -1 : 1;
  return BigInt(left) < BigInt(right) ? -1 : 1;
}
