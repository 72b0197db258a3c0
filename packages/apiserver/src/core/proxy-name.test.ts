import { describe, expect, it } from "vitest";
import { splitProxyName } from "./proxy-name.ts";

describe("the name of a proxied object", () => {
  it.each([
    ["web", { scheme: "", name: "web", port: "" }],
    ["web:80", { scheme: "", name: "web", port: "80" }],
    ["https:web:metrics", { scheme: "https", name: "web", port: "metrics" }],
  ])("%j is taken apart", (text, parts) => {
    expect(splitProxyName(text, "pod")).toEqual(parts);
  });

  it.each(["ftp:web:80", ":80", "a:b:c:d"])("%j is refused", (text) => {
    expect(() => splitProxyName(text, "service")).toThrow(`invalid service request "${text}"`);
  });
});
