/** Table of certificate signing requests. */
import { type DeepReadonly, humanDuration } from "@coxswain/apimachinery";
import { ageOf, printer, type TablePrinter } from "../../table.ts";
import type { CertificateSigningRequest } from "./types.ts";

export const certificateSigningRequestTable: TablePrinter<CertificateSigningRequest> = printer(
  ["Age", "SignerName", "Requestor", "RequestedDuration", "Condition"],
  (request, now) => [
    ageOf(request, now),
    request.spec.signerName,
    request.spec.username ?? "",
    request.spec.expirationSeconds === undefined ? "<none>" : humanDuration(request.spec.expirationSeconds * 1000),
    condition(request),
  ],
);

function condition(request: DeepReadonly<CertificateSigningRequest>): string {
  const types = (request.status?.conditions ?? []).map(({ type }) => type);
  const state = types.includes("Denied") ? "Denied" : types.includes("Approved") ? "Approved" : "Pending";
  const failed = types.includes("Failed") ? ",Failed" : "";
  return `${state}${failed}${request.status?.certificate ? ",Issued" : ""}`;
}
