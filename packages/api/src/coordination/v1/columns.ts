/** Table of leases. */
import { ageOf, printer, type TablePrinter } from "../../table.ts";
import type { Lease } from "./types.ts";

export const leaseTable: TablePrinter<Lease> = printer(["Holder", "Age"], (lease, now) => [
  lease.spec?.holderIdentity ?? "",
  ageOf(lease, now),
]);
