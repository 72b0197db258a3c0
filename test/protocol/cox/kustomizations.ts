// Kustomizations as people write them, by their folders: each is built by kubectl and by cox. What is refused is tried, too.

/** Files by their paths. */
export const kustomizationFiles: Readonly<Record<string, string>> = {
  "base/d.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {x: y}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: main
        image: nginx:1.0
        args: ["--svc=$(SVC)", "--cfg=$(CFG)", "$(NOPE)"]
        env:
        - {name: A, valueFrom: {configMapKeyRef: {name: cfg, key: a}}}
        - {name: B, value: "$(SVC).x"}
        envFrom: [{secretRef: {name: sec}}]
      volumes:
      - {name: v, projected: {sources: [{configMap: {name: cfg}}, {secret: {name: sec}}]}}
`,
  "base/kustomization.yaml": `resources: [d.yaml, s.yaml]
configMapGenerator:
- name: cfg
  literals: [a=1, b=2]
secretGenerator:
- name: sec
  literals: [p=w]
namePrefix: base-
vars:
- name: SVC
  objref: {kind: Service, name: web, apiVersion: v1}
- name: CFG
  objref: {kind: ConfigMap, name: cfg, apiVersion: v1}
`,
  "base/s.yaml": `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
`,
  "over/kustomization.yaml": `resources: [../base]
components: [../comp]
namespace: prod
nameSuffix: -v1
configMapGenerator:
- name: cfg
  behavior: merge
  literals: [b=3, c=4]
images: [{name: nginx, newTag: "2"}]
replicas: [{name: web, count: 3}]
labels:
- pairs: {team: a}
  includeTemplates: true
- pairs: {tier: b}
  fields: [{path: spec/extra, kind: Deployment, create: true}]
patches:
- target: {kind: Deployment, name: web}
  patch: |-
    - op: add
      path: /metadata/annotations
      value: {note: "1"}
- patch: |-
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec: {type: NodePort}
replacements:
- source: {kind: Service, name: web, fieldPath: spec.ports.0.port}
  targets:
  - select: {kind: Deployment}
    fieldPaths: ["spec.template.spec.containers.[name=main].env.[name=B].value"]
    options: {delimiter: ".", index: 1}
  - select: {kind: Deployment}
    fieldPaths: ["metadata.annotations.port"]
    options: {create: true}
sortOptions: {order: legacy}
buildMetadata: [managedByLabel]
`,
  "comp/extra.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: extra}
data: {k: v}
`,
  "comp/kustomization.yaml": `apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources: [extra.yaml]
patches:
- target: {kind: Deployment}
  patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: ignored}
    spec: {paused: true}
commonAnnotations: {from: comp}
`,
  "prefix-chain/kustomization.yaml": `resources: [../base]
namePrefix: a-
nameSuffix: -z
namespace: ns1
commonLabels: {c: l}
commonAnnotations: {c: a}
secretGenerator:
- {name: sec, behavior: replace, literals: [q=x], type: kubernetes.io/foo}
`,
  "patches/d.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {x: y}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: main
        image: nginx:1.0
        args: ["--svc=$(SVC)", "--cfg=$(CFG)", "$(NOPE)"]
        env:
        - {name: A, valueFrom: {configMapKeyRef: {name: cfg, key: a}}}
        - {name: B, value: "$(SVC).x"}
        envFrom: [{secretRef: {name: sec}}]
      volumes:
      - {name: v, projected: {sources: [{configMap: {name: cfg}}, {secret: {name: sec}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: gone}
`,
  "patches/kustomization.yaml": `resources: [d.yaml]
patches:
- target: {kind: Deployment}
  options: {allowNameChange: true}
  patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: renamed}
- target: {name: "re.*|web"}
  patch: |-
    - {op: replace, path: /spec/template/spec/containers/0/image, value: "x:9"}
- patch: |-
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: gone}
    $patch: delete
patchesStrategicMerge:
- |-
  apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web}
  spec: {template: {spec: {containers: [{name: side, image: "s:1"}]}}}
patchesJson6902:
- target: {kind: Deployment, name: web, version: v1, group: apps}
  patch: '[{"op":"add","path":"/spec/replicas","value":7}]'
`,
  "builtins/d.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {x: y}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: main
        image: nginx:1.0
        args: ["--svc=$(SVC)", "--cfg=$(CFG)", "$(NOPE)"]
        env:
        - {name: A, valueFrom: {configMapKeyRef: {name: cfg, key: a}}}
        - {name: B, value: "$(SVC).x"}
        envFrom: [{secretRef: {name: sec}}]
      volumes:
      - {name: v, projected: {sources: [{configMap: {name: cfg}}, {secret: {name: sec}}]}}
`,
  "builtins/kustomization.yaml": `resources: [d.yaml]
transformers:
- |-
  apiVersion: builtin
  kind: PrefixTransformer
  metadata: {name: x}
  prefix: px-
  fieldSpecs: [{path: metadata/name}]
- t.yaml
generators:
- |-
  apiVersion: builtin
  kind: ConfigMapGenerator
  metadata: {name: gen}
  literals: [a=b]
`,
  "builtins/t.yaml": `apiVersion: builtin
kind: ReplicaCountTransformer
metadata: {name: r}
replica: {name: web, count: 4}
fieldSpecs: [{path: spec/replicas, create: true, kind: Deployment}]
---
apiVersion: builtin
kind: ImageTagTransformer
metadata: {name: i}
imageTag: {name: nginx, newTag: v9}
---
apiVersion: builtin
kind: NamespaceTransformer
metadata: {name: n, namespace: nn}
fieldSpecs: [{path: metadata/namespace, create: true}]
`,
  "configurations/c.yaml": `apiVersion: my.io/v1
kind: Thing
metadata: {name: t}
spec: {runs: "my/img:1", config: cfg, more: [{img: "my/img:2"}]}
`,
  "configurations/conf.yaml": `images: [{path: spec/runs, kind: Thing}, {path: "spec/more[]/img", kind: Thing}]
nameReference:
- kind: ConfigMap
  version: v1
  fieldSpecs: [{path: spec/config, kind: Thing}]
`,
  "configurations/kustomization.yaml": `resources: [c.yaml]
namePrefix: p-
images: [{name: my/img, newTag: "3"}]
configurations: [conf.yaml]
configMapGenerator: [{name: cfg, literals: [a=1]}]
`,
  "replacements/kustomization.yaml": `resources: [../base]
replacements:
- path: r.yaml
- source: {kind: ConfigMap, name: cfg, fieldPath: data.a}
  targets:
  - select: {kind: Deployment}
    fieldPaths: ["spec.template.spec.containers.*.image"]
    options: {delimiter: ":", index: 1}
  - select: {kind: Service}
    reject: [{name: nope}]
    fieldPaths: ["spec.selector.app", "metadata.labels.made"]
    options: {create: true}
`,
  "replacements/r.yaml": `source: {kind: Deployment, name: web, fieldPath: "spec.template.spec.containers.[name=main].image", options: {delimiter: ":", index: 0}}
targets:
- select: {kind: Service}
  fieldPaths: ["metadata.annotations.[a.b/c]"]
  options: {create: true}
`,
  "names/all.yaml": `apiVersion: v1
kind: ServiceAccount
metadata: {name: sa}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: rb}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}
subjects: [{kind: ServiceAccount, name: sa, namespace: default}, {kind: ServiceAccount, name: default, namespace: default}, {kind: User, name: u}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: r}
rules: [{apiGroups: [""], resources: [pods], resourceNames: [sa], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: crb}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: sa, namespace: default}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {serviceAccountName: sa, priorityClassName: high, containers: [{name: c, image: i}], volumes: [{name: p, persistentVolumeClaim: {claimName: pvc}}]}
  volumeClaimTemplates: [{metadata: {name: d}, spec: {storageClassName: fast, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, ports: [{port: 1}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: pvc}
spec: {storageClassName: fast}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: x
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 1
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: i}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: db, port: {number: 1}}}}]}}], tls: [{secretName: tls}]}
---
apiVersion: v1
kind: Secret
metadata: {name: tls}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: h}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: db}, maxReplicas: 3}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: cj}
spec: {schedule: "* * * * *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i, envFrom: [{secretRef: {name: tls}}]}]}}}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: pdb}
spec: {selector: {matchLabels: {a: b}}, minAvailable: 1}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: np}
spec: {podSelector: {matchLabels: {a: b}}, ingress: [{from: [{podSelector: {matchLabels: {a: c}}}]}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: team}
`,
  "names/kustomization.yaml": `resources: [all.yaml]
namePrefix: x-
namespace: team
labels: [{pairs: {l: v}, includeSelectors: true}]
`,
  "outside/kustomization.yaml": `configMapGenerator: [{name: c, files: [../base/s.yaml]}]
`,
  "missing/kustomization.yaml": `resources: [nope.yaml]
`,
  "images/kustomization.yaml": `resources: [../base]
images:
- {name: nginx, newName: reg.io:5000/nginx, digest: "sha256:abc"}
generatorOptions: {disableNameSuffixHash: true, labels: {g: o}}
configMapGenerator: [{name: plain, literals: [a=1], options: {immutable: true, annotations: {x: z}}}]
sortOptions: {order: legacy, legacySortOptions: {orderFirst: [Secret], orderLast: [Deployment]}}
`,
};
