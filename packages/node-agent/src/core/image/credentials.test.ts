// Which credentials are tried for which image.
import { expect, test } from "vitest";
import { credentialsFor } from "./credentials.ts";

const auth = (user: string) => ({ auth: btoa(`${user}:secret:of ${user}`) });
const secret = (data: Record<string, unknown>) => ({
  apiVersion: "v1" as const,
  kind: "Secret" as const,
  metadata: { name: "s" },
  data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, btoa(JSON.stringify(value))])),
});
const config = (auths: Record<string, unknown>) => secret({ ".dockerconfigjson": { auths } });
const users = (image: string, ...secrets: ReturnType<typeof secret>[]) =>
  credentialsFor(image, secrets).map(({ username }) => username);

test.each([
  ["registry.example:5000/team/app:1", ["exact", "host"]],
  ["registry.example:5000/other/app@sha256:0", ["host"]],
  ["registry.example/team/app", []],
  ["a.wild.example/app", ["wild"]],
  ["a.b.wild.example/app", []],
  ["busybox", ["hub"]],
  ["docker.io/library/busybox:1", ["hub"]],
])("for %s there are %j", (image, expected) => {
  const auths = {
    "https://registry.example:5000": auth("host"),
    "registry.example:5000/team": auth("exact"),
    "*.wild.example": auth("wild"),
    "https://index.docker.io/v1/": auth("hub"),
  };
  expect(users(image, config(auths))).toEqual(expected);
});

test("both forms of secret are read, and what makes no sense has no credentials", () => {
  const old = secret({ ".dockercfg": { "r.example": { username: "old", password: "p" } } });
  const odd = { ...secret({}), data: { ".dockerconfigjson": "!!" } };
  expect(users("r.example/app", odd, old, config({ "r.example": auth("new"), x: 7 }))).toEqual(["old", "new"]);
  expect(credentialsFor("r.example/app", [config({ "r.example": auth("new") })])).toEqual([
    { username: "new", password: "secret:of new", server: "r.example" },
  ]);
});
