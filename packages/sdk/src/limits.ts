// Every limit and deadline of the SDK. It knows neither the server's time-outs nor the app's.

/** fd 3 carries one JSON document; anything longer is not ours. Bytes. */
export const PAYLOAD_BYTES_MAX = 4 * 1024 * 1024;

/** How long a non-blocking fd 3 may stay empty before the app gives up. The daemon writes it at spawn. */
export const PAYLOAD_WAIT_MS = 5000;

/** After SIGTERM, idle keep-alive connections may still send one request, which is answered `Connection: close`. */
export const LAME_DUCK_MS = 1000;

/**
 * After SIGTERM, requests in flight get this long before they are aborted. The server has drained the instance
 * before (`drain_timeout_s`), and sends SIGKILL after `stop_grace_s` = 10 s: `drain()` needs the rest.
 */
export const IN_FLIGHT_MS = 8000;

/** Idle connections outlive those of the proxy's pool, so that the proxy is the one to close them. */
export const KEEP_ALIVE_MS = 75_000;

/** How long the unread rest of a request body is read and dropped after the response has ended. */
export const LINGER_MS = 30_000;

/** Where an app listens that is not run by Tako and has no PORT. */
export const PORT_DEFAULT = 3000;
