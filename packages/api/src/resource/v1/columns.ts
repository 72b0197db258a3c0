/** Tables of dynamic resources. */
import { ageOf, printer, type TablePrinter } from "../../table.ts";
import type { ResourceClaim, ResourceSlice } from "./types.ts";

export const resourceClaimTable: TablePrinter<ResourceClaim> = printer(["State", "Age"], (claim, now) => {
  const states = [
    ...(claim.metadata.deletionTimestamp === undefined ? [] : ["deleted"]),
    ...(claim.status?.allocation === undefined ? [] : ["allocated"]),
    ...((claim.status?.reservedFor ?? []).length > 0 ? ["reserved"] : []),
  ];
  return [
    claim.status?.allocation === undefined && states.length === 0 ? "pending" : states.join(","),
    ageOf(claim, now),
  ];
});

export const resourceSliceTable: TablePrinter<ResourceSlice> = printer(
  ["Node", "Driver", "Pool", "Age"],
  (slice, now) => [
    slice.spec.allNodes === true ? "<all nodes>" : (slice.spec.nodeName ?? "<unset>"),
    slice.spec.driver,
    slice.spec.pool.name,
    ageOf(slice, now),
  ],
);
