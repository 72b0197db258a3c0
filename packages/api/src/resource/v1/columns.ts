/** Tables of dynamic resources. */
import { ageOf, printer, type TablePrinter } from "../../table.ts";
import type { ResourceClaim, ResourceSlice } from "./types.ts";

export const resourceClaimTable: TablePrinter<ResourceClaim> = printer(["State", "Age"], (claim, now) => {
  const isDeleted = claim.metadata.deletionTimestamp !== undefined;
  const states = isDeleted ? ["deleted"] : [];
  if (claim.status?.allocation !== undefined) {
    states.push("allocated");
    if ((claim.status.reservedFor ?? []).length > 0) states.push("reserved");
  } else if (!isDeleted) states.push("pending");
  return [states.join(","), ageOf(claim, now)];
});

export const resourceSliceTable: TablePrinter<ResourceSlice> = printer(
  ["Node", "Driver", "Pool", "Age"],
  (slice, now) => [slice.spec.nodeName ?? "", slice.spec.driver, slice.spec.pool.name, ageOf(slice, now)],
);
