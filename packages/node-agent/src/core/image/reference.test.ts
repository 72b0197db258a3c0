import { describe, expect, it } from "vitest";
import { referenceFault } from "./reference.ts";

describe("referenceFault", () => {
  it.each([
    "nginx",
    "nginx:1.27",
    "library/nginx",
    "127.0.0.1:5000/a/b_c/d--e:T.1-x",
    "[::1]:5000/app",
    "Host/app",
    "localhost/app",
    `registry.example/app@sha256:${"a".repeat(64)}`,
    `registry.example/app:1@sha256:${"a".repeat(64)}`,
  ])("has nothing against %s", (reference) => {
    expect(referenceFault(reference)).toBeUndefined();
  });

  it.each([
    ["Not:An:Image", "invalid reference format"],
    ["", "invalid reference format"],
    ["nginx:", "invalid reference format"],
    ["-x", "invalid reference format"],
    ["a//b", "invalid reference format"],
    ["nginx@sha256:1", "invalid reference format"],
    [" nginx", "invalid reference format"],
    ["Nginx", "invalid reference format: repository name (library/Nginx) must be lowercase"],
    ["example.org/Nginx:1", "invalid reference format: repository name (Nginx) must be lowercase"],
    ["a".repeat(256), "repository name must not be more than 255 characters"],
  ])("says what is wrong with %j", (reference, fault) => {
    expect(referenceFault(reference)).toBe(fault);
  });
});
