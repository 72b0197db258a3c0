/** Defaults of endpoint slices. */
import type { EndpointSlice } from "../types.ts";
import { fill } from "../../../fill.ts";

export function defaultEndpointSlice(slice: EndpointSlice): void {
  for (const port of slice.ports ?? []) fill(port, { name: "", protocol: "TCP" });
}
