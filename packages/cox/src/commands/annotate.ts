// `cox annotate`: sets, changes and removes annotations of objects on the server or in files.
import { bool, editingFlags, text } from "../args/common.ts";
import type { Command } from "../command.ts";
import { changeMetadata } from "../resource/metadata.ts";

export const annotate: Command = {
  usage:
    "annotate [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version] [options]",
  summary: "Update the annotations on a resource",
  examples: `
# Give a pod an annotation
cox annotate pods foo description='my frontend'

# Take an annotation away
cox annotate pods foo description-`,
  flags: {
    ...editingFlags("kubectl-annotate"),
    overwrite: bool(
      "If true, allow annotations to be overwritten, otherwise reject annotation updates that overwrite existing annotations.",
    ),
    list: bool("If true, display the annotations for a given resource."),
    "resource-version": text(
      "If non-empty, the annotation update will only succeed if this is the current resource-version for the object.",
    ),
  },
  run: (session, args) => changeMetadata(session, args, "annotations"),
};
