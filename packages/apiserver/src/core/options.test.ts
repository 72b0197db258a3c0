import { describe, expect, it } from "vitest";
import { readDeleteOptions, readWriteOptions } from "./options.ts";

const write =
  (query: string, isMerge = false): (() => unknown) =>
  () =>
    readWriteOptions(new URLSearchParams(query), "PatchOptions", isMerge);
const remove =
  (query: string): (() => unknown) =>
  () =>
    readDeleteOptions(new URLSearchParams(query), undefined);

describe("options are refused in Kubernetes' words", () => {
  it.each([
    [
      write("fieldValidation=x"),
      'fieldValidation: Unsupported value: "x": supported values: "", "Ignore", "Strict", "Warn"',
    ],
    [write(`fieldManager=${"ä".repeat(65)}`), "fieldManager: Too long: may not be more than 128 bytes"],
    [
      write("fieldManager=%C3%A4b%09"),
      'fieldManager: Invalid value: "äb\\t": invalid character U+0009 (at position 3)',
    ],
    [write("force=false", true), "force: Forbidden: may not be specified for non-apply patch"],
    [remove("dryRun="), 'dryRun: Unsupported value: [""]: supported values: "All"'],
    [
      remove("propagationPolicy=x"),
      'propagationPolicy: Unsupported value: "x": supported values: "Foreground", "Background", "Orphan", "nil"',
    ],
    [
      remove("propagationPolicy=Orphan&orphanDependents=true"),
      'propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
    ],
  ])("%#", (read, words) => {
    expect(read).toThrow(words);
  });

  it("and not read beside a body", () => {
    const query = new URLSearchParams("gracePeriodSeconds=x&uid=u");
    expect(readDeleteOptions(query, { orphanDependents: true })).toEqual({ orphanDependents: true, isDryRun: false });
    expect(remove("uid=u&orphanDependents=")()).toEqual({
      orphanDependents: true,
      preconditions: { uid: "u" },
      isDryRun: false,
    });
  });

  it("and taken where they are right", () => {
    expect(write("force=true&fieldManager=my tool ü&fieldValidation=Strict&dryRun=All")()).toEqual({
      dryRun: true,
      fieldManager: "my tool ü",
      fieldValidation: "Strict",
      force: true,
    });
  });
});
