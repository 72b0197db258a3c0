// What a client needs to know about a cluster. Values only: files are named here and read when a connection is made.

/** PEM text, or the path of a file that holds it. A file is read again whenever a new connection is opened, so that a
 * renewed certificate is taken up without a restart. */
export type Pem = { readonly data: string } | { readonly file: string };

export interface ClientConfig {
  /** Base addresses of interchangeable API servers ("https://10.0.0.1:6443"); the first that answers is used. */
  readonly servers: readonly string[];
  /** Asked when a server does not answer: all servers as they are said to be by now; undefined when nothing has changed. */
  readonly rereadServers?: () => readonly string[] | undefined;
  readonly ca?: Pem;
  readonly cert?: Pem;
  readonly key?: Pem;
  readonly token?: { readonly data: string } | { readonly file: string };
  readonly basic?: { readonly username: string; readonly password: string };
  /** Name to check the server's certificate against, instead of the address's host. */
  readonly tlsServerName?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly impersonate?: { readonly user: string; readonly groups?: readonly string[]; readonly uid?: string };
  /** An HTTP proxy that opens tunnels to the servers ("http://proxy:3128"). */
  readonly proxyUrl?: string;
  /** How long one answer may take to begin; watches and logs are not cut off. */
  readonly requestTimeoutMs?: number;
  readonly userAgent: string;
  /** Namespace of the kubeconfig's context; "default" when it names none. */
  readonly namespace?: string;
}
