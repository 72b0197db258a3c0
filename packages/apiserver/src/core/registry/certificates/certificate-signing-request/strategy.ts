// Signing requests: who asks is the server's to say, and what is asked for cannot change; /approval says yes or no, /status carries the
// certificate. As Kubernetes' `pkg/registry/certificates/certificates/strategy.go`.
import { rfc3339 } from "@coxswain/clock";
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from "@coxswain/api/certificates/v1";
import type { Loose, Strategy } from "../../strategy.ts";
import { keep } from "../../strategy.ts";

type Condition = CertificateSigningRequestCondition;
/** Said through /approval only. */
const decisions: ReadonlySet<string> = new Set(["Approved", "Denied"]);

export const certificateSigningRequestStrategy: Strategy = {
  prepareForCreate(object, { user }) {
    const request = object as CertificateSigningRequest;
    request.status = {};
    if (user === undefined) return;
    const { username: _username, uid: _uid, groups: _groups, extra: _extra, ...asked } = request.spec;
    request.spec = asked;
    request.spec.username = user.username;
    if (user.uid !== undefined && user.uid !== "") request.spec.uid = user.uid;
    if (user.groups.length > 0) request.spec.groups = [...user.groups];
    if (user.extra !== undefined)
      request.spec.extra = Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]]));
  },
  prepareForUpdate(object, before, { subresource, nowMs }) {
    const [request, old] = [object as CertificateSigningRequest, before as CertificateSigningRequest];
    keep(object as Loose, before as Loose, "spec");
    if (subresource !== "approval") return;
    const conditions = stamped(request.status?.conditions ?? [], old.status?.conditions ?? [], nowMs);
    request.status = { ...old.status, ...(conditions.length > 0 && { conditions }) };
    if (conditions.length === 0) delete request.status.conditions;
  },
  prepareForStatusUpdate(object, before, { nowMs }) {
    const [request, old] = [object as CertificateSigningRequest, before as CertificateSigningRequest];
    const known = old.status?.conditions ?? [];
    const others = (request.status?.conditions ?? []).filter(({ type }) => !decisions.has(type));
    const conditions = stamped([...known.filter(({ type }) => decisions.has(type)), ...others], known, nowMs);
    request.status = { ...request.status, ...(conditions.length > 0 && { conditions }) };
  },
};

/** Conditions with their times: of now, or of the condition of the same type and status that was there before. */
function stamped(conditions: readonly Condition[], before: readonly Condition[], nowMs: number): Condition[] {
  const now = rfc3339(nowMs);
  return conditions.map((condition) => {
    const same = before.find(({ type, status }) => type === condition.type && status === condition.status);
    return {
      ...condition,
      lastUpdateTime: condition.lastUpdateTime ?? now,
      lastTransitionTime: condition.lastTransitionTime ?? same?.lastTransitionTime ?? now,
    };
  });
}
