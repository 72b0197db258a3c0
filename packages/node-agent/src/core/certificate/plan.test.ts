import { expect, test } from "vitest";
import { isUsable, planCertificate } from "./plan.ts";

const wanted = { commonName: "system:node:a", organizations: ["system:nodes"], hosts: ["a", "10.0.0.1"] };
const held = { commonName: "system:node:a", hosts: ["a", "10.0.0.1"], notBeforeMs: 1_000, notAfterMs: 10_000 };

test("a certificate is asked for when there is none, it does not fit, it has ended, or its share of life has passed", () => {
  const because = (over: Partial<typeof held>, nowMs = 2_000): string =>
    planCertificate({ ...held, ...over }, wanted, 0.33, nowMs).because;
  expect([
    planCertificate(undefined, wanted, 0.33, 0),
    planCertificate(held, wanted, 0.33, 2_000),
    because({ commonName: "a@17" }),
    because({ hosts: ["a", "10.0.0.9"] }),
    because({}, 3_970),
    because({}, 10_000),
  ]).toEqual([
    { ask: true, because: "there is no certificate yet" },
    { ask: false, because: "the certificate is young enough", wakeAtMs: 3_970 },
    "the certificate is of a@17, not of system:node:a",
    "the certificate does not name 10.0.0.1",
    "33 % of the certificate's life have passed",
    "the certificate has expired",
  ]);
});

test("a certificate of the name may be shown until its end, and none may not", () => {
  expect([
    isUsable(held, "system:node:a", 9_999),
    isUsable(held, "system:node:a", 10_000),
    isUsable(held, "system:node:b", 2_000),
    isUsable(undefined, "system:node:a", 2_000),
  ]).toEqual([true, false, false, false]);
});
