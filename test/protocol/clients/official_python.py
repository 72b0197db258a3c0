"""Drives the API through the official Python client and prints what it saw as one JSON object.

Usage: official_python.py KUBECONFIG. Every step is a function named after what it proves; its return value is what the test expects.
"""
import json
import sys

from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.rest import ApiException

NAMESPACE = sys.argv[2] if len(sys.argv) > 2 else "python-client"
config.load_kube_config(sys.argv[1])
core = client.CoreV1Api()
apps = client.AppsV1Api()
batch = client.BatchV1Api()
rbac = client.RbacAuthorizationV1Api()
custom = client.CustomObjectsApi()
storage = client.StorageV1Api()


def meta(name, **more):
    return client.V1ObjectMeta(name=name, **more)


def config_map(name, **labels):
    return client.V1ConfigMap(metadata=meta(name, labels=labels or None), data={"k": "v"})


def failure(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except ApiException as error:
        status = json.loads(error.body)
        return [error.status, status["reason"]]
    return "no failure"


def pod_template(labels):
    container = client.V1Container(name="c", image="x:1", resources=client.V1ResourceRequirements(requests={"cpu": "100m"}))
    return client.V1PodTemplateSpec(metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=[container]))


def creates_the_namespace():
    return core.create_namespace(client.V1Namespace(metadata=meta(NAMESPACE))).status.phase


def pages_through_a_list():
    for index in range(7):
        core.create_namespaced_config_map(NAMESPACE, config_map(f"page-{index}", app="pages"))
    names, token, remaining = [], None, []
    while True:
        page = core.list_namespaced_config_map(NAMESPACE, limit=3, _continue=token)
        names += [item.metadata.name for item in page.items]
        remaining.append(page.metadata.remaining_item_count)
        token = page.metadata._continue
        if not token:
            return [names, remaining]


def selects_by_labels_and_fields():
    by_label = core.list_namespaced_config_map(NAMESPACE, label_selector="app in (pages),!other")
    by_field = core.list_namespaced_config_map(NAMESPACE, field_selector="metadata.name=page-3")
    return [len(by_label.items), [item.metadata.name for item in by_field.items]]


def watches_from_a_list():
    listed = core.list_namespaced_config_map(NAMESPACE)
    core.create_namespaced_config_map(NAMESPACE, config_map("seen", app="watch"))
    core.patch_namespaced_config_map("seen", NAMESPACE, {"data": {"k": "w"}})
    core.patch_namespaced_config_map("seen", NAMESPACE, {"metadata": {"labels": {"app": "gone"}}})
    core.delete_namespaced_config_map("seen", NAMESPACE)
    events = []
    stream = watch.Watch().stream(
        core.list_namespaced_config_map,
        NAMESPACE,
        resource_version=listed.metadata.resource_version,
        label_selector="app=watch",
        timeout_seconds=1,
    )
    for event in stream:
        events.append([event["type"], event["object"].metadata.name, event["object"].data])
    return events


def updates_and_conflicts():
    made = core.create_namespaced_config_map(NAMESPACE, config_map("twice"))
    made.data = {"k": "one"}
    core.replace_namespaced_config_map("twice", NAMESPACE, made)
    made.data = {"k": "two"}
    return failure(core.replace_namespaced_config_map, "twice", NAMESPACE, made)


def patches_in_every_way():
    apps.create_namespaced_deployment(
        NAMESPACE,
        client.V1Deployment(
            metadata=meta("web"),
            spec=client.V1DeploymentSpec(
                replicas=1, selector=client.V1LabelSelector(match_labels={"app": "web"}), template=pod_template({"app": "web"})
            ),
        ),
    )
    strategic = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "y:1"}]}}}}
    apps.patch_namespaced_deployment("web", NAMESPACE, strategic)
    apps.patch_namespaced_deployment("web", NAMESPACE, [{"op": "replace", "path": "/spec/replicas", "value": 3}])
    scale = apps.patch_namespaced_deployment_scale("web", NAMESPACE, {"spec": {"replicas": 4}})
    web = apps.read_namespaced_deployment("web", NAMESPACE)
    status = apps.patch_namespaced_deployment_status("web", NAMESPACE, {"status": {"replicas": 2}})
    return [
        sorted(container.name for container in web.spec.template.spec.containers),
        scale.spec.replicas,
        web.spec.replicas,
        status.status.replicas,
        apps.read_namespaced_deployment_scale("web", NAMESPACE).status.selector,
    ]


def is_refused_in_kubernetes_terms():
    bad = client.V1ConfigMap(metadata=meta("Not_A_Name"))
    return [
        failure(core.create_namespaced_config_map, NAMESPACE, bad),
        failure(core.read_namespaced_config_map, "nothing", NAMESPACE),
        failure(core.create_namespaced_config_map, NAMESPACE, config_map("twice")),
        failure(core.create_namespaced_config_map, "nowhere", config_map("x")),
        failure(core.list_namespaced_config_map, NAMESPACE, label_selector="a b"),
        failure(core.delete_namespaced_config_map, "twice", NAMESPACE, body=client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="no"))),
    ]


def deletes_answer_their_own_types():
    core.create_namespaced_service_account(NAMESPACE, client.V1ServiceAccount(metadata=meta("default")))
    core.create_namespaced_pod(
        NAMESPACE, client.V1Pod(metadata=meta("p"), spec=client.V1PodSpec(containers=[client.V1Container(name="c", image="x")]))
    )
    core.create_namespaced_service(
        NAMESPACE, client.V1Service(metadata=meta("s"), spec=client.V1ServiceSpec(ports=[client.V1ServicePort(port=80)]))
    )
    storage.create_storage_class(client.V1StorageClass(metadata=meta("python-client"), provisioner="x.io/y"))
    return [
        core.delete_namespaced_pod("p", NAMESPACE).metadata.name,
        core.delete_namespaced_service("s", NAMESPACE).kind,
        storage.delete_storage_class("python-client").metadata.name,
        core.delete_namespaced_config_map("page-6", NAMESPACE).details.name,
    ]


def runs_dry():
    core.create_namespaced_config_map(NAMESPACE, config_map("dry"), dry_run="All")
    return failure(core.read_namespaced_config_map, "dry", NAMESPACE)


def generates_names():
    made = core.create_namespaced_config_map(NAMESPACE, client.V1ConfigMap(metadata=client.V1ObjectMeta(generate_name="gen-")))
    return [made.metadata.name.startswith("gen-"), len(made.metadata.name), made.metadata.generate_name]


def deletes_collections():
    core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="app=pages")
    return len(core.list_namespaced_config_map(NAMESPACE, label_selector="app=pages").items)


def discovers_dynamically():
    dyn = dynamic.DynamicClient(client.ApiClient())
    api = dyn.resources.get(api_version="v1", kind="ConfigMap")
    made = api.create(body={"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "dynamic"}, "data": {"a": "b"}}, namespace=NAMESPACE)
    applied = api.server_side_apply(
        body=json.dumps({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "dynamic"}, "data": {"a": "c"}}),
        namespace=NAMESPACE,
        name="dynamic",
        field_manager="python",
        force_conflicts=True,
    )
    return [made.data.a, applied.data.a]


def creates_from_documents():
    utils.create_from_dict(
        client.ApiClient(),
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}}},
        namespace=NAMESPACE,
    )
    return batch.read_namespaced_job("j", NAMESPACE).spec.backoff_limit


def reads_every_listable_kind():
    """Whatever is listed must be what the typed client can decode."""
    lists = [
        core.list_node, core.list_namespace, core.list_persistent_volume, core.list_pod_for_all_namespaces,
        core.list_service_for_all_namespaces, core.list_endpoints_for_all_namespaces, core.list_event_for_all_namespaces,
        core.list_secret_for_all_namespaces, core.list_resource_quota_for_all_namespaces, core.list_limit_range_for_all_namespaces,
        apps.list_deployment_for_all_namespaces, apps.list_replica_set_for_all_namespaces, apps.list_daemon_set_for_all_namespaces,
        apps.list_stateful_set_for_all_namespaces, batch.list_job_for_all_namespaces, batch.list_cron_job_for_all_namespaces,
        rbac.list_cluster_role, rbac.list_cluster_role_binding, rbac.list_role_for_all_namespaces,
        client.NetworkingV1Api().list_ingress_class, client.NetworkingV1Api().list_network_policy_for_all_namespaces,
        client.PolicyV1Api().list_pod_disruption_budget_for_all_namespaces, client.SchedulingV1Api().list_priority_class,
        client.CoordinationV1Api().list_lease_for_all_namespaces, client.DiscoveryV1Api().list_endpoint_slice_for_all_namespaces,
        client.AutoscalingV1Api().list_horizontal_pod_autoscaler_for_all_namespaces, storage.list_csi_node, storage.list_volume_attachment,
        client.EventsV1Api().list_event_for_all_namespaces, client.NodeV1Api().list_runtime_class,
        client.CertificatesV1Api().list_certificate_signing_request, client.AdmissionregistrationV1Api().list_validating_webhook_configuration,
    ]
    return all(isinstance(read().items, list) for read in lists)


def asks_about_itself():
    review = client.AuthorizationV1Api().create_self_subject_access_review(
        client.V1SelfSubjectAccessReview(
            spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=client.V1ResourceAttributes(verb="get", resource="pods"))
        )
    )
    version = client.VersionApi().get_code()
    return [review.status.allowed, version.major]


STEPS = [
    creates_the_namespace, pages_through_a_list, selects_by_labels_and_fields, watches_from_a_list,
    updates_and_conflicts, patches_in_every_way, is_refused_in_kubernetes_terms, deletes_answer_their_own_types, runs_dry,
    generates_names, deletes_collections, discovers_dynamically, creates_from_documents, reads_every_listable_kind, asks_about_itself,
]

seen = {}
for step in STEPS:
    try:
        seen[step.__name__] = step()
    except Exception as error:  # The test shows which step failed, and how.
        seen[step.__name__] = f"{type(error).__name__}: {error}"
print(json.dumps(seen))
