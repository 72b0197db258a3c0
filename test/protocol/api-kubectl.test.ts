// kubectl as it is installed, against an apiserver without nodes and controllers: what it says is what its users read.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ControlPlane } from "./control-plane.ts";
import { startControlPlane } from "./control-plane.ts";

let plane: ControlPlane;
const must = (line: string, input?: string): Promise<string> =>
  plane.must(["-n", "kubectl", ...line.split(" ")], input);
const refused = async (line: string, input?: string): Promise<string> => {
  const { code, stderr, stdout } = await plane.kubectl(["-n", "kubectl", ...line.split(" ")], input);
  expect([line, code]).toEqual([line, 1]);
  return stderr + stdout;
};

beforeAll(async () => {
  plane = await startControlPlane();
  await plane.must(["create", "namespace", "kubectl"]);
  await plane.must(["-n", "kubectl", "create", "serviceaccount", "default"]);
});
afterAll(() => plane?.[Symbol.asyncDispose]());

const web = (replicas: number, image = "x:1", env = "B"): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: "${image}", ports: [{containerPort: 80}], env: [{name: A, value: "1"}, {name: ${env}, value: "2"}]}
`;

describe("kubectl apply", () => {
  it("creates, changes, leaves alone and compares on the client's side", async () => {
    expect(await must("apply -f -", web(2))).toBe("deployment.apps/web created\n");
    expect(await must("apply -f -", web(2))).toBe("deployment.apps/web unchanged\n");
    expect(await must("apply -f -", web(3, "x:2", "C"))).toBe("deployment.apps/web configured\n");
    expect(await must("get deployment web -o jsonpath={.spec.template.spec.containers[0].env[*].name}")).toBe("A C");
    const { code } = await plane.kubectl(["-n", "kubectl", "diff", "-f", "-"], web(3, "x:2", "C"));
    expect(code).toBe(0);
  });

  it("goes over to the server's side without a conflict and meets one when somebody else was there", async () => {
    expect(await must("apply --server-side -f -", web(4))).toBe("deployment.apps/web serverside-applied\n");
    const owners = await must(
      "get deployment web --show-managed-fields -o jsonpath={.metadata.managedFields[*].manager}",
    );
    expect(owners.split(" ")).toEqual(expect.arrayContaining(["kubectl", "kubectl-last-applied"]));
    expect(owners).not.toContain("kubectl-client-side-apply");
    await must("scale deployment web --replicas=7");
    const said = await refused("apply --server-side -f -", web(4));
    expect(said).toContain(
      'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1',
    );
    expect(said).toContain(".spec.replicas");
    await must("apply --server-side --force-conflicts -f -", web(4));
    expect(await must("get deployment web -o jsonpath={.spec.replicas}")).toBe("4");
  });

  it("prunes and waits for nothing that is not there", async () => {
    const map = (name: string) =>
      `---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: ${name}, labels: {set: pruned}}}`;
    await must("apply --prune -l set=pruned -f -", `${map("one")}\n${map("two")}`);
    expect(await must("apply --prune -l set=pruned -f -", map("two"))).toContain("configmap/one pruned");
  });

  it("says which field it does not know", async () => {
    const said = await refused("apply -f -", "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, dta: {}}");
    expect(said).toContain('strict decoding error: unknown field "dta"');
  });
});

describe("kubectl's verbs", () => {
  it("patches in each of its ways", async () => {
    await must('patch deployment web --type=json -p [{"op":"replace","path":"/spec/replicas","value":5}]');
    await must('patch deployment web --type=merge -p {"spec":{"paused":true}}');
    await must('patch deployment web -p {"spec":{"template":{"spec":{"containers":[{"name":"d","image":"y:1"}]}}}}');
    expect(
      await must(
        "get deployment web -o jsonpath={.spec.replicas}{.spec.paused}{.spec.template.spec.containers[*].name}",
      ),
    ).toBe("5trued c");
    await must(
      'patch deployment web -p {"spec":{"template":{"spec":{"containers":[{"name":"d","$patch":"delete"}]}}}}',
    );
    await must('patch deployment web --subresource=status --type=merge -p {"status":{"replicas":3}}');
    expect(
      await must("get deployment web -o jsonpath={.status.replicas}{.spec.template.spec.containers[*].name}"),
    ).toBe("3c");
    expect(await must("patch deployment web --type=merge -p {}")).toBe("deployment.apps/web patched (no change)\n");
  });

  it("labels, annotates, sets, exposes, autoscales and scales", async () => {
    expect(await must("label deployment web tier=front")).toBe("deployment.apps/web labeled\n");
    expect(await must("label deployment web tier-")).toBe("deployment.apps/web unlabeled\n");
    expect(await must("annotate deployment web note=yes")).toBe("deployment.apps/web annotated\n");
    expect(await must("set image deployment/web c=x:9")).toBe("deployment.apps/web image updated\n");
    expect(await must("expose deployment web --port=80")).toBe("service/web exposed\n");
    expect(await must("autoscale deployment web --max=4")).toBe("horizontalpodautoscaler.autoscaling/web autoscaled\n");
    expect(await must("scale deployment web --current-replicas=5 --replicas=6")).toBe("deployment.apps/web scaled\n");
    expect(await refused("scale deployment web --current-replicas=5 --replicas=7")).toContain(
      "Expected replicas to be 5, was 6",
    );
  });

  it("prints tables, wide ones, names, YAML, templates, in the order asked for", async () => {
    expect((await must("get deployment web")).split("\n")[0]?.split(/\s+/)).toEqual([
      "NAME",
      "READY",
      "UP-TO-DATE",
      "AVAILABLE",
      "AGE",
    ]);
    expect(await must("get deployment web -o wide")).toContain("CONTAINERS");
    expect(await must("get deployment,service web -o name")).toBe("deployment.apps/web\nservice/web\n");
    expect(
      await must("get configmaps --sort-by=.metadata.name -o custom-columns=N:.metadata.name --no-headers"),
    ).toContain("two");
    expect(await must("get deployment web -o yaml")).toContain("kind: Deployment");
    expect(await must("get deployment web --subresource=scale -o jsonpath={.spec.replicas}")).toBe("6");
    expect(await must("get all --chunk-size=1 -o name")).toContain("deployment.apps/web");
  });

  it("replaces, edits dry and deletes what it is told to", async () => {
    await must("create configmap c --from-literal=a=b");
    expect(await must("create configmap dry --from-literal=a=b --dry-run=server")).toBe(
      "configmap/dry created (server dry run)\n",
    );
    expect(await refused("get configmap dry")).toContain('Error from server (NotFound): configmaps "dry" not found');
    const object = await must("get configmap c -o yaml");
    expect(await must("replace -f -", object.replace("a: b", "a: z"))).toBe("configmap/c replaced\n");
    expect(await refused("replace -f -", object)).toContain(
      "the object has been modified; please apply your changes to the latest version",
    );
    expect(await must("delete configmap c --dry-run=server")).toMatch(/deleted .*\(server dry run\)/);
    expect(await must("delete configmap c")).toContain('configmap "c" deleted');
    expect(await must("delete configmap c --ignore-not-found")).toBe("");
  });

  it("waits for conditions and sees deletions with finalizers through", async () => {
    await must(
      "create -f -",
      "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [x.io/hold]}}",
    );
    await must("delete configmap held --wait=false");
    expect(await must("get configmap held -o jsonpath={.metadata.deletionTimestamp}")).toMatch(/^2\d{3}-/);
    const waiting = must("wait --for=delete configmap/held --timeout=30s");
    await must('patch configmap held --type=merge -p {"metadata":{"finalizers":null}}');
    await waiting;
    expect(await refused("get configmap held")).toContain("NotFound");
    await must("run p --image=x --restart=Never");
    expect(await must("wait --for=jsonpath={.status.phase}=Pending pod/p --timeout=30s")).toContain("condition met");
    expect(await must("delete pod p --now")).toContain('pod "p" deleted');
  });

  it("explains kinds, lists them, and knows who and where it is", async () => {
    expect(await must("explain deployment.spec.strategy.rollingUpdate.maxSurge")).toContain("<IntOrString>");
    const resources = await must("api-resources --no-headers");
    expect(resources.split("\n").length).toBeGreaterThan(50);
    expect(await must("api-versions")).toContain("apps/v1\n");
    expect(await must("auth whoami -o jsonpath={.status.userInfo.username}")).toBe("kubernetes-admin");
    expect(await must("auth can-i --list")).toContain("*.*");
    expect(await must("version")).toContain("Server Version: v1.");
    expect(await must("get --raw /readyz?verbose&exclude=etcd")).toContain("readyz check passed");
    expect(await must("create token default --duration=10m")).toMatch(/^ey/);
    expect(await must("cluster-info")).toContain("control plane");
  });

  it("shows the flow schemas, priority levels and components that every cluster has", async () => {
    const schemas = await must("get flowschemas");
    const rows = schemas.split("\n").map((line) => line.split(/\s+/));
    expect(rows[0]).toEqual(["NAME", "PRIORITYLEVEL", "MATCHINGPRECEDENCE", "DISTINGUISHERMETHOD", "AGE", "MISSINGPL"]);
    expect(rows.find(([name]) => name === "probes")).toEqual([
      "probes",
      "exempt",
      "2",
      "<none>",
      expect.any(String),
      "False",
    ]);
    expect(rows.slice(1).filter(([name]) => name).length).toBe(13);
    const levels = await must("get prioritylevelconfigurations -o name");
    expect(levels.trim().split("\n").length).toBe(8);
    const components = (await must("get componentstatuses")).split("\n").map((line) => line.split(/\s+/).slice(0, 3));
    expect(components).toContainEqual(["etcd-0", "Healthy", "ok"]);
    expect(components.map(([name]) => name)).toEqual(expect.arrayContaining(["scheduler", "controller-manager"]));
  });
});
