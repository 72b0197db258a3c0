// Nothing is created in a namespace that does not exist or is going away, and three namespaces are never deleted.
// Kubernetes' `plugin/pkg/admission/namespace/lifecycle`.
import { type ApiObject, StatusError, statuses } from "@coxswain/apimachinery";
import type { Namespace } from "@coxswain/api/core/v1";
import type { AdmissionPlugin, ObjectReader } from "../request.ts";
import { refusal } from "./refusal.ts";

const immortal: ReadonlySet<string> = new Set(["default", "kube-system", "kube-public"]);
const namespaces = { group: "", resource: "namespaces" };

export function createNamespaceLifecycle(reader: ObjectReader): AdmissionPlugin {
  const view = reader.view(namespaces);
  return {
    name: "NamespaceLifecycle",
    handles: ({ operation }) => operation !== "CONNECT",
    async admit(attributes) {
      const { operation, resource, namespace, name } = attributes;
      const isNamespace = resource.group === "" && resource.resource === "namespaces";
      if (operation === "DELETE" && isNamespace && immortal.has(name))
        throw refusal(attributes, "this namespace may not be deleted");
      if (namespace === "" || isNamespace || operation === "DELETE") return undefined;
      if (resource.group === "authorization.k8s.io") return undefined;

      let found: ApiObject | undefined = view.get("", namespace);
      if (found === undefined || (operation === "CREATE" && isTerminating(found)))
        found = await reader.read(namespaces, "", namespace);
      if (found === undefined) throw new StatusError(statuses.notFound(namespaces, namespace));
      if (operation === "CREATE" && isTerminating(found)) {
        throw refusal(
          attributes,
          `unable to create new content in namespace ${namespace} because it is being terminated`,
          [
            {
              reason: "NamespaceTerminating",
              message: `namespace ${namespace} is being terminated`,
              field: "metadata.namespace",
            },
          ],
        );
      }
      return undefined;
    },
  };
}

function isTerminating(object: ApiObject): boolean {
  return (object as Namespace).status?.phase === "Terminating" || object.metadata.deletionTimestamp !== undefined;
}
