import { describe, expect, it } from "vitest";
import { dnsLabelErrors, dnsSubdomainErrors, labelValueErrors, portNameErrors, qualifiedNameErrors } from "./names.ts";

describe("what is too long", () => {
  it("is said in bytes of labels, in characters of names", () => {
    expect(dnsLabelErrors("a".repeat(64))).toEqual(["must be no more than 63 characters"]);
    expect(dnsSubdomainErrors("a".repeat(254))).toEqual(["must be no more than 253 characters"]);
    expect(portNameErrors("a".repeat(16))).toEqual(["must be no more than 15 characters"]);
    expect(labelValueErrors("a".repeat(64))).toEqual(["must be no more than 63 bytes"]);
    expect(qualifiedNameErrors("a".repeat(64))).toEqual(["name part must be no more than 63 bytes"]);
    expect(qualifiedNameErrors(`${"a".repeat(254)}/b`)).toEqual(["prefix part must be no more than 253 bytes"]);
  });
});

it("a key with two slashes is no label key", () => {
  expect(qualifiedNameErrors("a/b/c")).toEqual([
    "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
  ]);
});
