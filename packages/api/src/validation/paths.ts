/** Checks of file paths inside volumes and containers. */
import { type FieldError, fieldErrors } from "@coxswain/apimachinery";

export function withoutBacksteps(path: string, field: string): FieldError[] {
  return path.split("/").includes("..") ? [fieldErrors.invalid(field, path, "must not contain '..'")] : [];
}

/** A relative path that stays below where it starts. */
export function descendingPath(path: string, field: string): FieldError[] {
  const relative = path.startsWith("/") ? [fieldErrors.invalid(field, path, "must be a relative path")] : [];
  return [...relative, ...withoutBacksteps(path, field)];
}

/** The same, and not a name that the atomic writer uses for itself. */
export function ownPath(path: string, field: string): FieldError[] {
  const reserved =
    path.startsWith("..") && !path.startsWith("../")
      ? [fieldErrors.invalid(field, path, "must not start with '..'")]
      : [];
  return [...descendingPath(path, field), ...reserved];
}

/** Permissions of a file; absent is fine. */
export function fileMode(mode: number | undefined, field: string): FieldError[] {
  return mode === undefined || (mode >= 0 && mode <= 0o777)
    ? []
    : [fieldErrors.invalid(field, mode, "must be a number between 0 and 0777 (octal), both inclusive")];
}
