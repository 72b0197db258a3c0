// All scripts, for an endpoint of one member that nobody else uses, freshly begun.
import type { Script } from "../transcript.ts";
import { authScripts } from "./auth.ts";
import { clusterScripts } from "./cluster.ts";
import { kvScripts } from "./kv.ts";
import { leaseScripts } from "./lease.ts";
import { txnScripts } from "./txn.ts";

export { randomScript } from "./random.ts";

export const scripts: readonly Script[] = [
  ...kvScripts,
  ...txnScripts,
  ...leaseScripts,
  ...authScripts,
  ...clusterScripts,
];
