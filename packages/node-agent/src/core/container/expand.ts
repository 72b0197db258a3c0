// Kubernetes' $(VAR) expansion: $$ is a dollar sign, an unknown name stays as it is written.

export function expand(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$(\$|\(([^)]*)\))?/g, (whole: string, rest: string | undefined, name: string | undefined) => {
    if (rest === "$") return "$";
    if (name === undefined) return whole;
    return variables.get(name) ?? whole;
  });
}
