// For tests without definitions that a webhook converts.
import type { ConversionPorts } from "../src/core/custom/conversion-review.ts";

export const noConversion: ConversionPorts = {
  caller: { post: () => Promise.reject(new Error("no webhook converts here")) },
  uuid: () => "no-uid",
};
