// How many seats a request takes: one, but for long lists, which keep the server busy for longer than their turn. After kube-apiserver's
// `util/flowcontrol/request`; what a write costs later, by being told to watchers, takes no seats here.
import type { RequestInfo } from "../request.ts";
import { isTrue } from "../request-info.ts";

const objectsPerSeat = 100;
const mostSeats = 10;
/** One request takes no more than this part of its level's seats. */
const mostOfLevel = 0.15;

/** `stored` is how many objects of the resource there are, as far as that is known. */
export function seatsOf(
  { verb, name }: RequestInfo,
  query: URLSearchParams,
  stored: () => number | undefined,
  nominal: number,
): number {
  const reads = verb === "list" || (verb === "watch" && isTrue(query.get("sendInitialEvents")));
  if (!reads || name !== "") return 1;
  const fields = query.get("fieldSelector") ?? "";
  if (/(^|,)metadata\.name=/.test(fields)) return 1;
  const all = stored();
  if (all === undefined || all <= objectsPerSeat) return 1;
  const version = query.get("resourceVersion") ?? "";
  const asked = Number(query.get("limit") ?? 0);
  const limit = asked > 0 ? Math.min(asked, all) : all;
  const isFromCache = version === "0" || (asked === 0 && !query.has("continue"));
  const isSelecting = fields !== "" || (query.get("labelSelector") ?? "") !== "";
  const looked = isFromCache ? all : isSelecting ? all + limit : 2 * limit;
  const most = Math.max(1, Math.min(mostSeats, Math.floor(nominal * mostOfLevel)));
  return Math.max(1, Math.min(most, Math.ceil(looked / objectsPerSeat)));
}
