/** Defaults of registered API services. */
import type { APIService } from "../types.ts";
import { fill } from "../../../fill.ts";

export function defaultApiService(service: APIService): void {
  if (service.spec?.service !== undefined) fill(service.spec.service, { port: 443 });
}
