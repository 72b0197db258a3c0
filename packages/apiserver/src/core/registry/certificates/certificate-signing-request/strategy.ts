// Signing requests: what is asked for cannot change; /approval says yes or no, /status carries the certificate.
import type { Loose, Strategy } from "../../strategy.ts";
import { keep, memberOf } from "../../strategy.ts";

export const certificateSigningRequestStrategy: Strategy = {
  prepareForCreate(request) {
    (request as Loose)["status"] = {};
  },
  prepareForUpdate(request, old, { subresource }) {
    keep(request as Loose, old as Loose, "spec");
    if (subresource !== "approval") return;
    const status: Record<string, unknown> = { ...memberOf(old, "status") };
    const asked = memberOf(request, "status")["conditions"];
    if (asked !== undefined) status["conditions"] = asked;
    (request as Loose)["status"] = status;
  },
};
