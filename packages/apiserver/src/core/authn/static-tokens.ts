// The file of `--token-auth-file`: `token,user,uid,"group1,group2"` per line. Reading the file is the shell's work.
import type { UserInfo } from "../request.ts";
import { equalInConstantTime } from "./constant-time.ts";

export interface StaticToken {
  readonly token: string;
  readonly user: UserInfo;
}

/** Parses the file; throws with the line's number, never with its content, for a line that is not as above. */
export function parseTokenFile(text: string): readonly StaticToken[] {
  const tokens: StaticToken[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const [token, username, uid, groups] = fieldsOf(line);
    if (token === undefined || username === undefined || uid === undefined || token === "" || username === "") {
      throw new Error(`line ${index + 1} of the token file must have at least 3 columns (token, user name, user uid)`);
    }
    const names = (groups ?? "").split(",").map((group) => group.trim());
    tokens.push({
      token,
      user: { username, ...(uid === "" ? {} : { uid }), groups: names.filter((name) => name !== "") },
    });
  }
  return tokens;
}

/** The user of a token. Takes as long for a near miss as for a far one: every token is compared to its end. */
export function findStaticToken(tokens: readonly StaticToken[], token: string): UserInfo | undefined {
  let found: UserInfo | undefined;
  for (const known of tokens) if (equalInConstantTime(known.token, token)) found = known.user;
  return found;
}

/** One line of CSV with optional quotes. */
function fieldsOf(line: string): readonly string[] {
  return [...line.matchAll(/(?:^|,)\s*(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? (plain ?? "").trim(),
  );
}
