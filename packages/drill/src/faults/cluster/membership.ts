// The store gets a member that never comes, and loses it again.
import { hardshipFault } from "./fault.ts";

export const extraMember = hardshipFault("a member added and removed", "extra-member", 1, { who: "other-master" });
