import { expect, test } from "vitest";
import { createTestApi } from "../../testing/test-api.ts";

const path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
// Made once by `openssl req -newkey ec -subj /CN=jane`.
const request =
  "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIS01IRUNBUUF3RHpFTk1Bc0dBMVVFQXd3RWFtRnVaVEJaTUJNR0J5cUdTTTQ5QWdFR0NDcUdTTTQ5QXdFSApBMElBQko4STJZZnNvRW1qRExJeE5QOUVkRlRhekNqMVpyRnNVOGZxREI2andaaTRVTDJlWWRkOHNmSG9xcnBVCmFIRVRwQnU3NWU3YjQyZ250MytUWlY2UVhQU2dBREFLQmdncWhrak9QUVFEQWdOSkFEQkdBaUVBcnAreVhhYVQKbzgzbjJMdnVjRGR5ZXFEL3J3bGJkY1VSZHJNKzVTWk1xYUFDSVFDUFpVeDNJOFBYZHpLRmlRMWRKRERHMytFOQp0bWxVU2VnSWw2SUNOVGMzMVE9PQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K";

test("a request says truly who asks, is decided through /approval and signed through /status", async () => {
  const api = createTestApi();
  const made = await api.send("POST", path, {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { name: "jane" },
    spec: { request, signerName: "kubernetes.io/kube-apiserver-client", usages: ["client auth"], username: "somebody" },
    status: { certificate: "bm9uZQ==" },
  });
  expect([made.code, made.body["spec"], made.body["status"]]).toEqual([
    201,
    expect.objectContaining({ username: "admin" }),
    {},
  ]);
  const approved = await api.send("PUT", `${path}/jane/approval`, {
    ...made.body,
    spec: { ...(made.body["spec"] as object), username: "else" },
    status: { conditions: [{ type: "Approved", status: "True", reason: "R", message: "m" }], certificate: "bm9uZQ==" },
  });
  const condition = {
    ...{ type: "Approved", status: "True", reason: "R", message: "m" },
    ...{ lastUpdateTime: "2026-01-01T00:00:00Z", lastTransitionTime: "2026-01-01T00:00:00Z" },
  };
  expect([approved.code, approved.body["status"], approved.body["spec"]]).toEqual([
    200,
    { conditions: [condition] },
    made.body["spec"],
  ]);
  const failed = { type: "Failed", status: "True", reason: "F", message: "f" };
  const signed = await api.send("PUT", `${path}/jane/status`, { ...approved.body, status: { conditions: [failed] } });
  expect(signed.body["status"]).toEqual({
    conditions: [
      condition,
      { ...failed, lastUpdateTime: "2026-01-01T00:00:00Z", lastTransitionTime: "2026-01-01T00:00:00Z" },
    ],
  });
  api.stop();
});
