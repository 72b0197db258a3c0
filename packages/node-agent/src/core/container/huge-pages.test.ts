import { describe, expect, test } from "vitest";
import type { Container, Pod } from "@coxswain/api/core/v1";
import { pageBytesOf, pageName, volumePageSize } from "./huge-pages.ts";

test.each([
  ["hugepages-64Ki", 2 ** 16, "64KB"],
  ["hugepages-2Mi", 2 ** 21, "2MB"],
  ["hugepages-1Gi", 2 ** 30, "1GB"],
])("pages of %s have %i bytes, and are the kernel's %s", (resource, bytes, name) => {
  expect(pageBytesOf(resource)).toBe(bytes);
  expect(pageName(bytes)).toBe(name);
  expect(pageBytesOf("memory")).toBeUndefined();
});

describe("the pages of a volume", () => {
  const asking = (...names: string[]): Pod => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p" },
    spec: { containers: names.map((name): Container => ({ name: "c", resources: { limits: { [name]: "2Gi" } } })) },
  });
  const both = asking("hugepages-2Mi", "hugepages-1Gi");

  test("are those that the pod asks for, or of the size that the medium names", () => {
    expect(volumePageSize("HugePages", asking("memory", "hugepages-2Mi"))).toEqual({ size: "2Mi" });
    expect(volumePageSize("HugePages-1Gi", both)).toEqual({ size: "1Gi" });
    expect(volumePageSize("Memory", both)).toBeUndefined();
  });

  test("are refused in the kubelet's words where it cannot be told which, or the pod asks for none", () => {
    expect(volumePageSize("HugePages", both)).toEqual({
      error: "medium: HugePages can't be used if container requests multiple huge page sizes",
    });
    expect(volumePageSize("HugePages-2Mi", asking("hugepages-1Gi"))).toEqual({
      error: "medium HugePages-2Mi: hugePages storage requested, but there is no resource request for huge pages",
    });
  });
});
