import { createHmac } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "@coxswain/clock";
import { createAuthority } from "@coxswain/pki";
import { pinOf } from "./certificates.ts";
import { kubeconfigText } from "./daemons.ts";
import { judge } from "./discovery.ts";

let authority = "";
beforeAll(async () => {
  authority = (await createAuthority("kubernetes-ca", 3_600_000, systemClock)).certificate;
});

const token = { id: "abcdef", secret: "0123456789abcdef" };
const endpoint = "https://10.0.0.1:6443";

function clusterInfo(secret = token.secret): Record<string, string> {
  const kubeconfig = kubeconfigText({ servers: [endpoint, "https://10.0.0.2:6443"], authority: { data: authority } });
  const header = Buffer.from('{"alg":"HS256","kid":"abcdef"}').toString("base64url");
  const mac = createHmac("sha256", `${token.id}.${secret}`)
    .update(`${header}.${Buffer.from(kubeconfig).toString("base64url")}`)
    .digest("base64url");
  return { kubeconfig, "jws-kubeconfig-abcdef": `${header}..${mac}` };
}
const refusal = (data: Record<string, string>, pin = pinOf(authority)): string => {
  try {
    judge(data, { endpoint, ...token, pin });
    return "believed";
  } catch (error) {
    return (error as Error).message;
  }
};

describe("what a cluster says of itself", () => {
  it("is believed when the token has signed it and the authority is the pinned one", () => {
    expect(judge(clusterInfo(), { endpoint, ...token, pin: pinOf(authority) })).toEqual({
      authority,
      servers: [endpoint, "https://10.0.0.2:6443"],
    });
  });

  it("is refused in one sentence that says what is wrong", () => {
    const { kubeconfig = "" } = clusterInfo();
    const other = `sha256:${"0".repeat(64)}`;
    expect({
      expired: refusal({ kubeconfig }),
      secret: refusal(clusterInfo("another-secret!!")),
      changed: refusal({ ...clusterInfo(), kubeconfig: kubeconfig.replace("10.0.0.2", "10.6.6.6") }),
      pin: refusal(clusterInfo(), other),
    }).toEqual({
      expired:
        "the cluster knows no token abcdef: it has expired or never was; `cox invite` on a master makes a new one",
      secret:
        "the second half of token abcdef is wrong, or https://10.0.0.1:6443 is not of the cluster it was made for",
      changed:
        "the second half of token abcdef is wrong, or https://10.0.0.1:6443 is not of the cluster it was made for",
      pin: `the authority of https://10.0.0.1:6443 is ${pinOf(authority)}, not the pinned ${other}: it is another cluster, or somebody stands between`,
    });
  });
});
