/** Table of registered API services. */
import { ageOf, printer, type TablePrinter } from "../../table.ts";
import type { APIService } from "./types.ts";

export const apiServiceTable: TablePrinter<APIService> = printer(["Service", "Available", "Age"], (service, now) => {
  const target = service.spec?.service;
  const available = service.status?.conditions?.find(({ type }) => type === "Available");
  const state =
    available === undefined
      ? "Unknown"
      : available.status === "True"
        ? "True"
        : `${available.status} (${available.reason ?? ""})`;
  return [
    target === undefined ? "Local" : `${target.namespace ?? ""}/${target.name ?? ""}`,
    state,
    ageOf(service, now),
  ];
});
