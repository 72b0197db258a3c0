import { createSimulatedClock } from "@coxswain/clock/testing";
import { createAuthority } from "@coxswain/pki";
import { describe, expect, it } from "vitest";
import { trustData } from "./authentication-trust.ts";

const hourMs = 3_600_000;
const nowMs = Date.parse("2026-01-01T00:00:00Z");
const authority = async (name: string, validMs: number): Promise<string> =>
  (await createAuthority(name, validMs, createSimulatedClock(nowMs))).certificate.trim();

describe("what is told to other servers of whom this one believes", () => {
  it("has the authorities and names of every apiserver, without those that have died", async () => {
    const [mine, theirs, dead, proxies] = [
      await authority("mine", 100 * hourMs),
      await authority("theirs", 100 * hourMs),
      await authority("dead", hourMs),
      await authority("proxies", 100 * hourMs),
    ];
    const header = {
      allowedNames: ["front"],
      username: ["X-Remote-User"],
      uid: [],
      group: ["X-Remote-Group"],
      extraPrefix: [],
    };
    const said = {
      "client-ca-file": `${theirs}\n${dead}\n`,
      "requestheader-allowed-names": '["other"]',
      "requestheader-group-headers": "no JSON",
      note: "kept",
    };
    const data = trustData({ clientCa: mine, requestHeader: { ...header, ca: proxies } }, said, nowMs + 2 * hourMs);
    expect(data).toEqual({
      note: "kept",
      "client-ca-file": `${theirs}\n${mine}\n`,
      "requestheader-client-ca-file": `${proxies}\n`,
      "requestheader-allowed-names": '["other","front"]',
      "requestheader-username-headers": '["X-Remote-User"]',
      "requestheader-uid-headers": "[]",
      "requestheader-group-headers": '["X-Remote-Group"]',
      "requestheader-extra-headers-prefix": "[]",
    });
    expect(trustData({ clientCa: mine, requestHeader: { ...header, ca: proxies } }, data, nowMs)).toEqual(data);
  });

  it("says nothing of proxies where none are believed", async () => {
    const mine = await authority("mine", hourMs);
    expect(trustData({ clientCa: mine, requestHeader: undefined }, {}, nowMs)).toEqual({
      "client-ca-file": `${mine}\n`,
    });
  });
});
