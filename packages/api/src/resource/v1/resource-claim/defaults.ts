/** Defaults of claims to devices: one device, and tolerations that compare. */
import { fillText } from "../../../fill.ts";
import type {
  DeviceSubRequest,
  DeviceToleration,
  ExactDeviceRequest,
  ResourceClaim,
  ResourceClaimSpec,
  ResourceClaimTemplate,
} from "../types.ts";

export function defaultResourceClaim(claim: ResourceClaim): void {
  defaultSpec(claim.spec);
  for (const result of claim.status?.allocation?.devices?.results ?? []) defaultTolerations(result.tolerations);
}

export function defaultResourceClaimTemplate(template: ResourceClaimTemplate): void {
  defaultSpec(template.spec.spec);
}

function defaultSpec(spec: ResourceClaimSpec): void {
  for (const { exactly, firstAvailable = [] } of spec.devices?.requests ?? [])
    for (const request of exactly === undefined ? firstAvailable : [exactly]) defaultRequest(request);
}

function defaultRequest(request: ExactDeviceRequest | DeviceSubRequest): void {
  fillText(request, { allocationMode: "ExactCount" });
  if (request.allocationMode === "ExactCount") request.count ||= 1;
  defaultTolerations(request.tolerations);
}

function defaultTolerations(tolerations: readonly DeviceToleration[] | undefined): void {
  for (const toleration of tolerations ?? []) fillText(toleration, { operator: "Equal" });
}
