/** Spans of time as people read them (k8s.io/apimachinery/pkg/util/duration): two units at most, the smaller only while it matters. */
const [minute, hour, day, year] = [60, 3600, 86_400, 31_536_000];

/** "45s", "3m20s", "5h", "2d4h", "3y". Spans below zero by more than a second are "<invalid>". */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 2 * minute) return `${seconds}s`;
  if (seconds < 10 * minute) return two(seconds, minute, "m", 1, "s");
  if (seconds < 3 * hour) return `${Math.floor(seconds / minute)}m`;
  if (seconds < 8 * hour) return two(seconds, hour, "h", minute, "m");
  if (seconds < 2 * day) return `${Math.floor(seconds / hour)}h`;
  if (seconds < 8 * day) return two(seconds, day, "d", hour, "h");
  if (seconds < 2 * year) return `${Math.floor(seconds / day)}d`;
  if (seconds < 8 * year) return two(seconds, year, "y", day, "d");
  return `${Math.floor(seconds / year)}y`;
}

/** How long ago, or "<unknown>" where no time is given. */
export function age(time: string | null | undefined, now: number): string {
  return time === undefined || time === null || time === "" ? "<unknown>" : humanDuration(now - Date.parse(time));
}

function two(seconds: number, unit: number, name: string, smaller: number, smallerName: string): string {
  const rest = Math.floor((seconds % unit) / smaller);
  return `${Math.floor(seconds / unit)}${name}${rest === 0 ? "" : `${rest}${smallerName}`}`;
}
