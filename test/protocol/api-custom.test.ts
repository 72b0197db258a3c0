// Custom resources, as kubectl and plain requests see them. Two apiservers on one store, either of which may have been told of a definition.
// About 20 seconds.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ControlPlane } from "./control-plane.ts";
import { startControlPlane } from "./control-plane.ts";

let plane: ControlPlane;
const must = (line: string, input?: string): Promise<string> => plane.must(line.split(" "), input);
const refused = async (line: string, input?: string): Promise<string> => {
  const { code, stderr } = await plane.kubectl(line.split(" "), input);
  expect([line, code]).toEqual([line, 1]);
  return stderr;
};

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crontabs.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: crontabs, singular: crontab, kind: CronTab, shortNames: [ct], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas, labelSelectorPath: .status.selector}
    additionalPrinterColumns:
    - {name: Spec, type: string, jsonPath: .spec.cronSpec}
    - {name: Replicas, type: integer, jsonPath: .spec.replicas}
    - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
    selectableFields: [{jsonPath: .spec.image}]
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [cronSpec]
            description: What is wanted.
            properties:
              cronSpec: {type: string, pattern: '^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$'}
              image: {type: string, default: busybox}
              replicas: {type: integer, minimum: 1, maximum: 10, default: 1}
              mode: {type: string, enum: [fast, slow]}
              port: {x-kubernetes-int-or-string: true}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
              steps:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items: {type: object, required: [name], properties: {name: {type: string}, run: {type: string}}}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
  - name: v1beta1
    served: true
    storage: false
    deprecated: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`;
const tab = (name: string, spec: string): string =>
  `---\n{apiVersion: stable.example.com/v1, kind: CronTab, metadata: {name: ${name}}, spec: {${spec}}}`;

beforeAll(async () => {
  plane = await startControlPlane({ apiservers: 2 });
  await must("apply -f -", definition);
  await must("wait --for condition=established --timeout=30s crd/crontabs.stable.example.com");
});
afterAll(() => plane?.[Symbol.asyncDispose]());

describe("a custom resource", () => {
  it("is served by every apiserver as soon as one has established it", async () => {
    const path = "/apis/stable.example.com/v1/namespaces/default/crontabs";
    for (const server of [0, 1]) expect((await plane.call("GET", path, { server })).status).toBe(200);
  });

  it("gets its defaults, its columns, its names and its list", async () => {
    expect(await must("create -f -", tab("one", 'cronSpec: "* * * * */5"'))).toBe(
      "crontab.stable.example.com/one created\n",
    );
    expect(await must("get ct one -o jsonpath={.spec.image}/{.spec.replicas}/{.metadata.generation}")).toBe(
      "busybox/1/1",
    );
    expect(await must("get all")).toContain("crontab.stable.example.com/one");
    const rows = (await must("get crontabs")).trim().split("\n");
    expect(rows.map((row) => row.split(/ {2,}/).map((cell) => cell.trim()))).toEqual([
      ["NAME", "SPEC", "REPLICAS", "READY"],
      ["one", "* * * * */5", "1"],
    ]);
    expect(await must("get ct --field-selector spec.image=busybox -o name")).toBe("crontab.stable.example.com/one\n");
    expect(await must("get ct --field-selector spec.image=other -o name")).toBe("");
    const { body } = await plane.call("GET", "/apis/stable.example.com/v1/crontabs");
    expect([body.kind, body.items.map(({ kind }) => kind)]).toEqual(["CronTabList", ["CronTab"]]);
  });

  it("has defaults that came after it as soon as it is read, for as long as there are such", async () => {
    const path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/mode/default";
    const change = async (patch: object): Promise<void> =>
      void (await must(`patch crd crontabs.stable.example.com --type=json -p ${JSON.stringify([patch])}`));
    const read = async (): Promise<readonly (string | undefined)[]> => {
      const listed = await plane.call("GET", "/apis/stable.example.com/v1/crontabs", { server: 1 });
      const { text } = await plane.call("GET", "/apis/stable.example.com/v1/namespaces/default/crontabs/one");
      return [text, listed.text].map((from) => /"mode":"(.*?)"/.exec(from)?.[1]);
    };
    await change({ op: "add", path, value: "fast" });
    await expect.poll(read, { timeout: 10_000 }).toEqual(["fast", "fast"]);
    await change({ op: "remove", path });
    await expect.poll(read, { timeout: 10_000 }).toEqual([undefined, undefined]);
  });

  it("does not have what the schema knows no more as soon as it is read, for as long as that is so", async () => {
    const path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/mode";
    const change = async (patch: object): Promise<void> =>
      void (await must(`patch crd crontabs.stable.example.com --type=json -p ${JSON.stringify([patch])}`));
    await must("create -f -", tab("old", 'cronSpec: "* * * * */5", mode: slow'));
    const { text: before } = await plane.call("GET", "/apis/stable.example.com/v1/namespaces/default/crontabs/old");
    const read = async (): Promise<readonly boolean[]> => {
      const one = "/apis/stable.example.com/v1/namespaces/default/crontabs";
      const answers = await Promise.all([
        plane.call("GET", `${one}/old`),
        plane.call("GET", `${one}/old?resourceVersion=0`),
        plane.call("GET", one, { server: 1 }),
        plane.call("GET", `${one}?limit=1&fieldSelector=metadata.name=old`),
      ]);
      return answers.map(({ text }) => text.includes('"mode":"slow"'));
    };
    expect(await read()).toEqual([true, true, true, true]);
    await change({ op: "remove", path });
    await expect.poll(read, { timeout: 20_000 }).toEqual([false, false, false, false]);
    const watch = "watch=true&fieldSelector=metadata.name=old&resourceVersion=0&timeoutSeconds=1";
    const watched = await plane.call("GET", `/apis/stable.example.com/v1/crontabs?${watch}`);
    expect(watched.text).toContain('"cronSpec"');
    expect(watched.text).not.toContain('"mode"');
    await change({ op: "add", path, value: { type: "string", enum: ["fast", "slow"] } });
    await expect.poll(read, { timeout: 20_000 }).toEqual([true, true, true, true]);
    const { text } = await plane.call("GET", "/apis/stable.example.com/v1/namespaces/default/crontabs/old");
    expect(text).toBe(before);
    await must("delete ct old");
  });

  it("is described to clients that ask for OpenAPI of version 2", async () => {
    const { text } = await plane.call("GET", "/openapi/v2");
    const { paths, definitions } = JSON.parse(text) as Record<string, Record<string, { description?: string }>>;
    expect(Object.keys(paths ?? {})).toContain(
      "/apis/stable.example.com/v1/namespaces/{namespace}/crontabs/{name}/scale",
    );
    expect(definitions?.["com.example.stable.v1.CronTab"]).toHaveProperty(
      "properties.spec.description",
      "What is wanted.",
    );
    expect(definitions?.["io.k8s.api.core.v1.Pod"]).toBeDefined();
  });

  it("is refused in Kubernetes' words when its schema says no", async () => {
    const all = await refused(
      "create -f -",
      tab("bad", 'cronSpec: "x", replicas: 11, mode: odd, port: true, steps: [{name: a}, {name: a}, {}]'),
    );
    for (const words of [
      'The CronTab "bad" is invalid:',
      `spec.cronSpec: Invalid value: "x": spec.cronSpec in body should match '`,
      "spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10",
      'spec.mode: Unsupported value: "odd": supported values: "fast", "slow"',
      'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
      'spec.steps[1]: Duplicate value: {"name":"a"}',
      "spec.steps[2].name: Required value",
    ])
      expect(all).toContain(words);
    expect(await refused("create -f -", tab("bad", 'cronSpec: "* * * * *", replicas: three'))).toContain(
      'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
    );
    expect(await refused("create -f -", tab("bad", "image: x"))).toContain("spec.cronSpec: Required value");
    expect(await refused("create -f -", tab("bad", 'cronSpec: "* * * * *", imgae: x'))).toContain(
      'strict decoding error: unknown field "spec.imgae"',
    );
  });

  it("loses what nobody described, and keeps what may be anything", async () => {
    await must(
      "create --validate=false -f -",
      tab("loose", 'cronSpec: "* * * * *", unknown: 1, free: {a: {b: [1]}}, port: http'),
    );
    expect(await must("get ct loose -o jsonpath={.spec.unknown}|{.spec.free}|{.spec.port}")).toBe(
      '|{"a":{"b":[1]}}|http',
    );
  });

  it("has a status and a scale of their own", async () => {
    const status = '{"status":{"replicas":3,"selector":"app=x","conditions":[{"type":"Ready","status":"True"}]}}';
    await must(`patch ct one --subresource=status --type=merge -p ${status}`);
    expect(await must("get ct one --no-headers")).toContain("True");
    await must('patch ct one --type=merge -p {"status":{"replicas":9},"spec":{"mode":"fast"}}');
    expect(await must("get ct one -o jsonpath={.status.replicas}/{.metadata.generation}")).toBe("3/2");
    expect(await must("scale ct one --replicas=4")).toBe("crontab.stable.example.com/one scaled\n");
    const { body } = await plane.call("GET", "/apis/stable.example.com/v1/namespaces/default/crontabs/one/scale");
    expect(body).toMatchObject({ spec: { replicas: 4 }, status: { replicas: 3, selector: "app=x" } });
  });

  it("is applied on the server's side with lists merged by their keys, and knows no strategic merge", async () => {
    const steps = (list: string): string => tab("owned", `cronSpec: "* * * * *", steps: [${list}]`);
    await must("apply --server-side --field-manager=a -f -", steps("{name: one, run: this}"));
    await must("apply --server-side --field-manager=b -f -", steps("{name: two, run: why}"));
    expect(await must("get ct owned -o jsonpath={.spec.steps[*].name}")).toBe("one two");
    expect(
      await refused(
        "apply --server-side --field-manager=b -f -",
        steps("{name: one, run: that}, {name: two, run: why}"),
      ),
    ).toContain('conflict with "a": .spec.steps[name="one"].run');
    expect(await refused('patch ct owned --type=strategic -p {"spec":{}}')).toContain("application/merge-patch+json");
  });

  it("is explained, and told of in another version with a warning", async () => {
    expect(await must("explain crontab.spec.replicas")).toContain("FIELD: replicas <integer>");
    const { stdout, stderr } = await plane.kubectl(["get", "crontabs.v1beta1.stable.example.com", "one", "-o", "yaml"]);
    expect(stdout).toContain("apiVersion: stable.example.com/v1beta1\n");
    expect(stderr).toContain("stable.example.com/v1beta1 CronTab is deprecated");
    expect(await must("api-resources --api-group=stable.example.com -o name")).toBe("crontabs.stable.example.com\n");
  });

  it("obeys the rules that its definition states, and a rule that cannot be read is no rule", async () => {
    const ruled = (rule: string): string => `---\n{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition,
      metadata: {name: scales.rules.example.com}, spec: {group: rules.example.com, scope: Namespaced,
      names: {plural: scales, singular: scale, kind: Scaled, listKind: ScaledList}, versions: [{name: v1, served: true, storage: true,
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, x-kubernetes-validations: [
        {rule: ${JSON.stringify(rule)}, message: too many}, {rule: "self.kind_ == oldSelf.kind_", message: kind_ cannot change, fieldPath: .kind_}],
      properties: {replicas: {type: integer}, most: {type: integer}, kind_: {type: string}}}}}}}]}}`;
    expect(await refused("create -f -", ruled("self.replicas <="))).toContain(
      "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule: Invalid value",
    );
    await must("create -f -", ruled("self.replicas <= self.most"));
    await must("wait --for condition=established --timeout=30s crd/scales.rules.example.com");
    const scaled = (replicas: number, kind: string): string =>
      `---\n{apiVersion: rules.example.com/v1, kind: Scaled, metadata: {name: s}, spec: {replicas: ${replicas}, most: 2, kind_: ${kind}}}`;
    expect(await refused("create -f -", scaled(3, "a"))).toBe(
      'The Scaled "s" is invalid: spec: Invalid value: "object": too many\n',
    );
    await must("create -f -", scaled(2, "a"));
    expect(await refused("replace -f -", scaled(1, "b"))).toBe(
      'The Scaled "s" is invalid: spec.kind_: Invalid value: "object": kind_ cannot change\n',
    );
    await must("apply --server-side --force-conflicts -f -", scaled(1, "a"));
    await must("delete crd scales.rules.example.com");
  });

  it("is watched", async () => {
    const seen = plane.kubectl(["get", "ct", "--watch-only", "-o", "name", "--request-timeout=4s"]);
    await must("create -f -", tab("seen", 'cronSpec: "* * * * *"'));
    const names = new Set((await seen).stdout.trim().split("\n"));
    for (; !names.has("crontab.stable.example.com/seen");) {
      const again = plane.kubectl(["get", "ct", "--watch", "-o", "name", "--request-timeout=2s"]);
      for (const name of (await again).stdout.trim().split("\n")) names.add(name);
    }
  });

  it("keeps integers that doubles do not hold, from one request to the next", async () => {
    const path = "/apis/stable.example.com/v1/namespaces/default/crontabs";
    const large = "9223372036854775807";
    const type = '"apiVersion":"stable.example.com/v1","kind":"CronTab"';
    const body = `{${type},"metadata":{"name":"large"},"spec":{"cronSpec":"* * * * *","free":{"least":-9007199254740993,"most":${large}}}}`;
    const made = await plane.call("POST", path, { body, headers: { "content-type": "application/json" } });
    expect([made.status, made.text]).toEqual([201, expect.stringContaining(`"most":${large}`)]);
    const patched = await plane.call("PATCH", `${path}/large`, {
      body: '{"spec":{"free":{"other":9007199254740995}}}',
      headers: { "content-type": "application/merge-patch+json" },
    });
    const free = `"free":{"least":-9007199254740993,"most":${large},"other":9007199254740995}`;
    expect(patched.text).toContain(free);
    expect((await plane.call("GET", path, { server: 1 })).text).toContain(free);
    await plane.call("DELETE", `${path}/large`);
  });

  it("goes with its definition, the held ones last, and its name may be taken again", async () => {
    const finalizer = '{"metadata":{"finalizers":["example.com/hold"]}}';
    await must(`patch ct one --type=merge -p ${finalizer}`);
    await must("delete crd crontabs.stable.example.com --wait=false");
    expect(await must("get crd crontabs.stable.example.com -o jsonpath={.metadata.finalizers}")).toBe(
      '["customresourcecleanup.apiextensions.k8s.io"]',
    );
    await must("wait --for=delete ct/owned --timeout=30s");
    expect(await must("get ct -o name")).toBe("crontab.stable.example.com/one\n");
    await must('patch ct one --type=merge -p {"metadata":{"finalizers":null}}');
    await must("wait --for=delete crd/crontabs.stable.example.com --timeout=30s");
    expect((await plane.call("GET", "/apis/stable.example.com/v1/crontabs")).status).toBe(404);
    expect((await plane.call("GET", "/apis/stable.example.com")).status).toBe(404);
    await must("apply -f -", definition);
    await must("wait --for condition=established --timeout=30s crd/crontabs.stable.example.com");
    expect(await must("get ct -o name")).toBe("");
  });

  it("has an APIService for its group's version, for as long as there is a definition", async () => {
    const names = "names: {plural: briefs, singular: brief, kind: Brief}";
    const version = "{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}";
    await must(
      "apply -f -",
      `---\n{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: briefs.brief.example.com},
        spec: {group: brief.example.com, scope: Namespaced, ${names}, versions: [${version}]}}`,
    );
    await must("wait --for=create apiservice/v1.brief.example.com --timeout=30s");
    const rows = (await must("get apiservices")).split("\n").map((row) => row.split(/ {2,}/).slice(0, 3));
    expect(rows).toContainEqual(["v1.brief.example.com", "Local", "True"]);
    expect(rows).toContainEqual(["v1.stable.example.com", "Local", "True"]);
    await must("delete crd briefs.brief.example.com");
    await must("wait --for=delete apiservice/v1.brief.example.com --timeout=30s");
  });
});
