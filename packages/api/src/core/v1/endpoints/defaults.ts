/** Defaults of endpoints. */
import type { Endpoints } from "../types.ts";
import { fillText } from "../../../fill.ts";

export function defaultEndpoints(endpoints: Endpoints): void {
  for (const subset of endpoints.subsets ?? [])
    for (const port of subset.ports ?? []) fillText(port, { protocol: "TCP" });
}
